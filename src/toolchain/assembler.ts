// The assembler: GNU-as-like source for RV32IMAC_Zicsr_Zifencei to object code. Follows the RISC-V
// Assembly Programmer's Manual and GNU as for directives. Left out: the C preprocessor, floating
// point, automatic compression (16-bit code comes from c.* only), linker relaxation, .cfi_*.

import { PrintkitError } from '../errors.ts';
import { Assembler } from './assembler-core.ts';
import type { ObjectCode } from './object-code.ts';
import { applyRelocation } from './relocation.ts';

export interface AssembleOptions {
  /** Name for messages and the line table (default `<assembly>`). */
  readonly file?: string;
  /** Names with a constant value, as if by .equ at the top. */
  readonly defines?: Readonly<Record<string, number>>;
}

/**
 * Assembles one source text.
 * @throws PrintkitError `file:line: what: source line`
 */
export function assemble(source: string, options: AssembleOptions = {}): ObjectCode {
  const assembler = new Assembler(options.file ?? '<assembly>');
  for (const [name, value] of Object.entries(options.defines ?? {})) {
    assembler.define(name, { op: 'constant', value: BigInt(value) });
  }
  return assembler.run(source);
}

/** A program placed at a fixed address. */
export interface FlatProgram {
  /** From the base address to the end of the last section, zeros for gaps and .bss. */
  readonly bytes: Uint8Array;
  /** Addresses of all named symbols, local ones too. */
  readonly symbols: Map<string, number>;
}

/**
 * Assembles and links one source for a fixed address, sections one behind the other in the order in
 * which the source first names them (.bss last). For tests and small programs.
 * @throws PrintkitError also for undefined symbols and jumps out of reach
 */
export function assembleFlat(
  source: string,
  baseAddress: number,
  options: AssembleOptions = {},
): FlatProgram {
  const object = assemble(source, options);
  const bases = new Map<string, number>();
  let end = baseAddress;
  const ordered = [
    ...object.sections.filter((s) => !s.flags.nobits),
    ...object.sections.filter((s) => s.flags.nobits),
  ];
  for (const section of ordered) {
    end = Math.ceil(end / section.align) * section.align;
    bases.set(section.name, end);
    end += section.size;
  }
  const bytes = new Uint8Array(end - baseAddress);
  for (const section of ordered) {
    bytes.set(section.bytes, (bases.get(section.name) ?? 0) - baseAddress);
  }
  const symbols = new Map<string, number>();
  for (const symbol of object.symbols) {
    const base = symbol.section === undefined ? 0 : (bases.get(symbol.section) ?? 0);
    symbols.set(symbol.name, (base + symbol.offset) >>> 0);
  }
  relocate(object, bytes, baseAddress, bases, symbols);
  return { bytes, symbols };
}

function relocate(
  object: ObjectCode,
  bytes: Uint8Array,
  baseAddress: number,
  bases: ReadonlyMap<string, number>,
  symbols: ReadonlyMap<string, number>,
): void {
  for (const relocation of object.relocations) {
    const { symbol, section, offset, addend, line } = relocation;
    const start = symbol === '' ? 0 : (bases.get(symbol) ?? symbols.get(symbol));
    if (start === undefined) {
      throw new PrintkitError(`${object.file}:${line}: undefined symbol '${symbol}'`);
    }
    const base = bases.get(section) ?? 0;
    const place = base + (relocation.pairOffset ?? offset);
    try {
      applyRelocation(bytes, base - baseAddress + offset, relocation.kind, start + addend, place);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new PrintkitError(`${object.file}:${line}: ${error.message}`);
    }
  }
}
