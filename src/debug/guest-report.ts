// What is printed when a guest dies: every hart's registers, what mcause says, and call traces.

import { csrNumber } from '../machine/csr-names.ts';
import { REGISTER_NAMES } from '../machine/isa.ts';
import { causeName } from './causes.ts';
import type { Symbolizer } from './symbolizer.ts';
import { describeFrame, formatStack, unwind, type UnwindMemory } from './unwind.ts';

/** What the report needs of a hart. */
export interface ReportedHart {
  readonly id: number;
  readonly pc: number;
  readonly x: ArrayLike<number>;
  readonly waiting: boolean;
  readonly instret: number;
  /** In an NMI handler (Smrnmi). */
  readonly inNmi?: boolean;
  readCsr(number: number): number;
  readonly lastTrap?:
    { readonly cause: number; readonly tval: number; readonly pc: number } | undefined;
}

export interface ReportedMachine extends UnwindMemory {
  readonly harts: readonly ReportedHart[];
  /** Virtual time in ns. */
  readonly now: number;
}

const hex8 = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
const REGISTERS_PER_LINE = 4;
const CSRS = ['mstatus', 'mie', 'mip', 'mtvec', 'mscratch', 'mepc', 'mcause', 'mtval'];

/**
 * The report as text of several lines.
 * @param stop why the guest is considered dead, and the hart that died: it comes first
 */
export function guestReport(
  machine: ReportedMachine,
  symbolizer: Symbolizer | undefined,
  stop: { readonly reason: string; readonly hart?: number },
): string {
  const seconds = (machine.now / 1e9).toFixed(6);
  const lines = [`guest died at ${seconds} s of virtual time: ${stop.reason}`];
  const first = (hart: ReportedHart) => Number(hart.id !== stop.hart);
  const order = [...machine.harts].sort((a, b) => first(a) - first(b) || a.id - b.id);
  for (const one of order) lines.push(...hartReport(one, machine, symbolizer));
  return lines.join('\n');
}

function hartReport(
  hart: ReportedHart,
  memory: UnwindMemory,
  symbolizer: Symbolizer | undefined,
): string[] {
  const pc = hart.pc >>> 0;
  const state = hart.waiting ? 'in wfi' : 'running';
  const lines = [
    `hart ${hart.id} ${state}, ${hart.instret} instructions retired, pc ${describeFrame({ pc, site: pc }, symbolizer)}`,
    ...registerLines(hart),
    ...csrLines(hart),
  ];
  const trap = hart.lastTrap;
  if (trap && isException(trap.cause)) {
    const at = describeFrame({ pc: trap.pc, site: trap.pc }, symbolizer);
    lines.push(`  last trap: ${causeName(trap.cause)}, tval ${hex8(trap.tval)}, at ${at}`);
  }
  if (hart.inNmi) {
    const pc = readCsr(hart, 'mnepc') ?? 0;
    lines.push(
      `  in an NMI handler, interrupted at ${describeFrame({ pc, site: pc }, symbolizer)}`,
    );
  }
  lines.push('  call trace:');
  for (const line of formatStack(unwind(hart, memory, symbolizer), symbolizer)) {
    lines.push(`    ${line}`);
  }
  return lines;
}

const isException = (cause: number): boolean => cause >>> 31 === 0;

function registerLines(hart: ReportedHart): string[] {
  const lines: string[] = [];
  for (let first = 0; first < 32; first += REGISTERS_PER_LINE) {
    const parts = Array.from({ length: REGISTERS_PER_LINE }, (_, i) => {
      const name = REGISTER_NAMES[first + i] ?? '';
      return `${name.padStart(4)} ${hex8(hart.x[first + i] ?? 0)}`;
    });
    lines.push(`  ${parts.join('  ')}`);
  }
  return lines;
}

function csrLines(hart: ReportedHart): string[] {
  const lines: string[] = [];
  const parts = CSRS.map((name) => {
    const value = readCsr(hart, name);
    const words = name === 'mcause' && value !== undefined ? ` (${causeName(value)})` : '';
    return `${name} ${value === undefined ? '?' : hex8(value)}${words}`;
  });
  for (let i = 0; i < parts.length; i += REGISTERS_PER_LINE) {
    lines.push(`  ${parts.slice(i, i + REGISTERS_PER_LINE).join('  ')}`);
  }
  return lines;
}

function readCsr(hart: ReportedHart, name: string): number | undefined {
  try {
    return hart.readCsr(csrNumber(name) ?? -1);
  } catch {
    return undefined;
  }
}
