// What crash tools need to know of a record ring, in the words of Linux 3.5 to 5.9.

import { clear_seq } from '../syslog';
import { vmcoreinfo_offset, vmcoreinfo_struct_size, vmcoreinfo_symbol } from '../vmcoreinfo';
import { PRINTK_LOG_SIZE, printk_log, record_ring } from './record-ring';

/** Boot CPU. */
export function record_ring_vmcoreinfo(ring: record_ring): void {
  const at = changetype<usize>(ring);
  vmcoreinfo_symbol('log_buf', at + offsetof<record_ring>('log_buf'));
  vmcoreinfo_symbol('log_buf_len', at + offsetof<record_ring>('log_buf_len'));
  vmcoreinfo_symbol('log_first_idx', at + offsetof<record_ring>('log_first_idx'));
  vmcoreinfo_symbol('log_next_idx', at + offsetof<record_ring>('log_next_idx'));
  vmcoreinfo_symbol('clear_seq', clear_seq);
  vmcoreinfo_symbol('clear_idx', at + offsetof<record_ring>('clear_idx'));
  vmcoreinfo_struct_size('printk_log', PRINTK_LOG_SIZE);
  vmcoreinfo_offset('printk_log.ts_nsec', offsetof<printk_log>('ts_nsec'));
  vmcoreinfo_offset('printk_log.len', offsetof<printk_log>('len'));
  vmcoreinfo_offset('printk_log.text_len', offsetof<printk_log>('text_len'));
  vmcoreinfo_offset('printk_log.dict_len', offsetof<printk_log>('dict_len'));
}
