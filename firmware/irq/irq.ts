// External interrupts: a descriptor per PLIC source and the dispatch of machine interrupts.

import { READ_ONCE, WRITE_ONCE } from '../arch/atomic';
import { csr_set } from '../arch/csr';
import { IRQ_M_EXT, IRQ_M_SOFT, IRQ_M_TIMER, MIE, MIE_MEIE } from '../arch/csr-map';
import { handle_ipi } from '../arch/ipi';
import {
  Cpu,
  HARDIRQ_OFFSET,
  NR_CPUS,
  preempt_count_add,
  preempt_count_sub,
  smp_processor_id,
  this_cpu_inc,
} from '../arch/percpu';
import { plic_claim, plic_complete, plic_enable } from '../arch/plic';
import { irq_exit_softirq } from '../kernel/softirq';
import { timer_interrupt } from '../time/tick';

export const NR_IRQS: u32 = 32;

@unmanaged
export class irq_desc {
  handler: (irq: u32, dev: usize) => void;
  dev: usize;
  name: string;
  /** 1 when requested. */
  active: u32;
}

const descs: usize = memory.data(16 * 32, 4);
/** Interrupts taken: NR_IRQS words per CPU. */
const counts: usize = memory.data(32 * 32 * 4, 4);

export function irq_to_desc(irq: u32): irq_desc {
  return changetype<irq_desc>(descs + irq * offsetof<irq_desc>());
}

function kstat(cpu: u32, irq: u32): usize {
  return counts + (((cpu % NR_CPUS) * NR_IRQS + irq) << 2);
}

export function kstat_irqs_cpu(irq: u32, cpu: u32): u32 {
  return READ_ONCE(kstat(cpu, irq));
}

/** Installs a handler and lets the source interrupt the running CPU. Boot, interrupts off. */
export function request_irq(
  irq: u32,
  handler: (irq: u32, dev: usize) => void,
  name: string,
  dev: usize,
): bool {
  if (irq == 0 || irq >= NR_IRQS) return false;
  const desc = irq_to_desc(irq);
  desc.handler = handler;
  desc.dev = dev;
  desc.name = name;
  WRITE_ONCE(changetype<usize>(desc) + offsetof<irq_desc>('active'), 1);
  plic_enable(smp_processor_id(), irq);
  csr_set(MIE, MIE_MEIE);
  return true;
}

/** The machine external interrupt: all sources that are pending, lowest id first. */
function handle_external(): void {
  const cpu = smp_processor_id();
  let irq: u32;
  while ((irq = plic_claim(cpu)) != 0) {
    if (irq < NR_IRQS && irq_to_desc(irq).active) {
      const count = kstat(cpu, irq);
      WRITE_ONCE(count, READ_ONCE(count) + 1);
      const desc = irq_to_desc(irq);
      desc.handler(irq, desc.dev);
    } else {
      this_cpu_inc(offsetof<Cpu>('spurious_interrupts'));
    }
    plic_complete(cpu, irq);
  }
}

/** Any machine interrupt. Called by arch/trap.ts on the interrupt stack, interrupts off. */
export function handle_irq(cause: u32): void {
  preempt_count_add(HARDIRQ_OFFSET);
  switch (cause) {
    case IRQ_M_SOFT:
      handle_ipi();
      break;
    case IRQ_M_TIMER:
      timer_interrupt();
      break;
    case IRQ_M_EXT:
      handle_external();
      break;
    default:
      this_cpu_inc(offsetof<Cpu>('spurious_interrupts'));
  }
  preempt_count_sub(HARDIRQ_OFFSET);
  irq_exit_softirq();
}
