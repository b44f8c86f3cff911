// Each hart's stacks: one block, laid out as entry.S knows it, lowest address first:
// overflow 4 KiB, NMI 8 KiB, interrupt 8 KiB, a gap of 4 KiB that nobody uses, task 16 KiB.
// The lowest word of each holds STACK_END_MAGIC; the tick looks whether it is still there.

export const OVERFLOW_LIMIT: usize = 0x0000;
export const OVERFLOW_TOP: usize = 0x1000;
export const NMI_LIMIT: usize = 0x1000;
export const NMI_TOP: usize = 0x3000;
export const IRQ_LIMIT: usize = 0x3000;
export const IRQ_TOP: usize = 0x5000;
export const TASK_LIMIT: usize = 0x6000;
export const TASK_TOP: usize = 0xa000;
export const STACKS_SIZE: usize = 0xa000;

const STACK_END_MAGIC: u32 = 0x57ac6e9d;

/** Marks the ends of the stacks in a hart's block. */
export function stacks_init(stacks: usize): void {
  store<u32>(stacks + NMI_LIMIT, STACK_END_MAGIC);
  store<u32>(stacks + IRQ_LIMIT, STACK_END_MAGIC);
  store<u32>(stacks + TASK_LIMIT, STACK_END_MAGIC);
}

/** True if something has run over the end of the task or interrupt stack. */
export function stack_end_corrupted(stacks: usize): bool {
  return (
    load<u32>(stacks + TASK_LIMIT) != STACK_END_MAGIC ||
    load<u32>(stacks + IRQ_LIMIT) != STACK_END_MAGIC
  );
}

/** True if a frame record of this hart may lie at fp - 8. */
export function on_any_stack(stacks: usize, fp: usize): bool {
  return fp >= stacks + 8 && fp <= stacks + STACKS_SIZE && (fp & 3) == 0;
}

/** Which stack an address is on, for reports. */
export function stack_name(stacks: usize, address: usize): string {
  const offset = address - stacks;
  if (offset >= STACKS_SIZE) return 'unknown';
  if (offset >= TASK_LIMIT) return 'task';
  if (offset >= IRQ_TOP) return 'task';
  if (offset >= IRQ_LIMIT) return 'irq';
  if (offset >= NMI_LIMIT) return 'nmi';
  return 'overflow';
}
