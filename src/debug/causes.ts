// mcause in words: privileged ISA 1.13, table "Machine cause register (mcause) values after trap".

const EXCEPTIONS: readonly (string | undefined)[] = [
  'instruction address misaligned',
  'instruction access fault',
  'illegal instruction',
  'breakpoint',
  'load address misaligned',
  'load access fault',
  'store/AMO address misaligned',
  'store/AMO access fault',
  'environment call from U-mode',
  'environment call from S-mode',
  undefined,
  'environment call from M-mode',
  'instruction page fault',
  'load page fault',
  undefined,
  'store/AMO page fault',
  'double trap',
];

const INTERRUPTS: readonly (string | undefined)[] = [
  undefined,
  'supervisor software interrupt',
  undefined,
  'machine software interrupt',
  undefined,
  'supervisor timer interrupt',
  undefined,
  'machine timer interrupt',
  undefined,
  'supervisor external interrupt',
  undefined,
  'machine external interrupt',
];

/** What an mcause value says. */
export function causeName(cause: number): string {
  const code = cause & 0x7fffffff;
  if (cause >>> 31 === 1) return INTERRUPTS[code] ?? `interrupt ${code}`;
  return EXCEPTIONS[code] ?? `exception ${code}`;
}

/** The same for a trap just taken; Smrnmi numbers NMIs in mncause as the platform likes. */
export const trapName = (cause: number, inNmi: boolean): string =>
  inNmi && cause >>> 31 === 1 ? `NMI, cause ${cause & 0x7fffffff}` : causeName(cause);
