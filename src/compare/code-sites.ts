// Places in a program's code that a measurement has to watch: where functions return, and where harts
// turn interrupts on and off (RISC-V privileged specification, mstatus.MIE).

import type { ElfFile } from '../debug/elf.ts';
import { decode, type Decoded } from '../machine/decoder.ts';

export interface Site {
  readonly address: number;
  readonly instruction: Decoded;
}

const MSTATUS = 0x300;
const RA = 1;

/** All instructions between two addresses of a program's code. */
function* instructions(elf: ElfFile, from: number, to: number): Generator<Site> {
  const section = elf.sections.find(
    ({ executable, address, size }) => executable && from >= address && from < address + size,
  );
  if (section === undefined) return;
  const view = new DataView(section.bytes.buffer, section.bytes.byteOffset, section.bytes.length);
  const end = Math.min(to, section.address + section.bytes.length);
  for (let address = from; address + 2 <= end;) {
    const offset = address - section.address;
    const low = view.getUint16(offset, true);
    const wide = (low & 3) === 3 && address + 4 <= end;
    const instruction = decode(wide ? view.getUint32(offset, true) : low);
    yield { address, instruction };
    address += instruction.length;
  }
}

/** Where a function returns; empty if it never does. */
export function returnSites(elf: ElfFile, address: number, size: number): number[] {
  return [...instructions(elf, address, address + size)]
    .filter(({ instruction: { name, rd, rs1 } }) => name === 'jalr' && rd === 0 && rs1 === RA)
    .map((site) => site.address);
}

/** All instructions that may write mstatus, and those that leave traps. */
export function interruptSites(elf: ElfFile): { mstatus: Site[]; mret: number[]; mnret: number[] } {
  const all = elf.sections
    .filter(({ executable }) => executable)
    .flatMap(({ address, size }) => [...instructions(elf, address, address + size)]);
  const named = (wanted: string) =>
    all.filter(({ instruction }) => instruction.name === wanted).map(({ address }) => address);
  return {
    mstatus: all.filter(({ instruction }) => writesMstatus(instruction)),
    mret: named('mret'),
    mnret: named('mnret'),
  };
}

function writesMstatus({ name, imm, rs1 }: Decoded): boolean {
  if (!name.startsWith('csrr') || (imm & 0xfff) !== MSTATUS) return false;
  return name.startsWith('csrrw') || rs1 !== 0;
}

/** What such an instruction leaves in mstatus. */
export function nextMstatus({ name, rs1 }: Decoded, mstatus: number, x: ArrayLike<number>): number {
  const operand = name.endsWith('i') ? rs1 : (x[rs1] ?? 0);
  if (name.startsWith('csrrw')) return operand;
  return name.startsWith('csrrs') ? mstatus | operand : mstatus & ~operand;
}
