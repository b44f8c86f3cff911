// A compiled function as disassembly, without its prologue and epilogue.

import { disassemble } from '../../../src/debug/disassembler.ts';
import type { Compiled } from './harness.ts';

/** Every instruction of the function, as `addi a0, a0, 1`. Compile without compressed encodings. */
function wholeListing({ program }: Compiled, name: string): string[] {
  const symbol = program.symbols.find((s) => s.name === name);
  const text = program.sections.find((s) => s.name === '.text');
  if (symbol === undefined || text === undefined) throw new Error(`no function ${name}`);
  const view = new DataView(text.bytes.buffer, text.bytes.byteOffset);
  const lines: string[] = [];
  for (let n = 0; n < symbol.size; n += 4) {
    const word = view.getUint32(symbol.address - text.address + n, true);
    const d = disassemble(word, symbol.address + n, { pseudo: false });
    lines.push(`${d.mnemonic} ${d.operands.join(', ')}`.trim());
  }
  return lines;
}

const PROLOGUE = 4;
const EPILOGUE = 4;

/** The function's body. Only for functions that save no registers and return once, at the end. */
export function listing(compiled: Compiled, name: string): string[] {
  const lines = wholeListing(compiled, name);
  if (lines[PROLOGUE - 1] !== 'addi s0, sp, 16' || lines.at(-1) !== 'jalr zero, 0(ra)') {
    throw new Error(`not a plain frame:\n${lines.join('\n')}`);
  }
  return lines.slice(PROLOGUE, -EPILOGUE);
}
