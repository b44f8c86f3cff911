// Emitter `direct`: whoever printks takes console_sem and prints all there is; if somebody else has
// it, that one prints. An NMI must not wait for a driver's lock that it may have interrupted, so it
// leaves the printing to an interrupt on its own CPU.

import { in_nmi, smp_processor_id } from '../../arch/percpu';
import { IPI_IRQ_WORK, send_ipi } from '../../arch/ipi';
import { console_flush_on_panic, console_trylock, console_unlock } from '../console';
import { printk_emitter } from './emit';

function direct_stored(): void {
  if (in_nmi()) {
    send_ipi(smp_processor_id(), IPI_IRQ_WORK);
  } else if (console_trylock()) {
    console_unlock();
  }
}

export function direct_init(emitter: printk_emitter): void {
  emitter.name = 'direct';
  emitter.stored = direct_stored;
  emitter.flush_on_panic = console_flush_on_panic;
}
