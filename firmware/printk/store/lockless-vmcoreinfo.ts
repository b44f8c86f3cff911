// What crash tools need to know of the lockless ring, in the words of Linux since 5.10.

import { clear_seq } from '../syslog';
import {
  vmcoreinfo_length,
  vmcoreinfo_offset,
  vmcoreinfo_struct_size,
  vmcoreinfo_symbol,
} from '../vmcoreinfo';
import { printk_ringbuffer } from './data-ring';
import { prb_desc, prb_desc_ring } from './desc-ring';
import { prb, printk_rb_static } from './lockless';
import { DEV_INFO_DEVICE_SIZE, DEV_INFO_SIZE, DEV_INFO_SUBSYSTEM_SIZE, printk_info } from './store';

/** struct latched_seq: a sequence counter, then two u64. */
const LATCHED_SEQ_SIZE: u32 = 24;
const LATCHED_SEQ_VAL: u32 = 8;

function rings(): void {
  vmcoreinfo_struct_size('printk_ringbuffer', offsetof<printk_ringbuffer>());
  vmcoreinfo_offset('printk_ringbuffer.desc_ring', 0);
  vmcoreinfo_offset('printk_ringbuffer.text_data_ring', offsetof<prb_desc_ring>());
  vmcoreinfo_offset('printk_ringbuffer.fail', offsetof<printk_ringbuffer>('fail'));
  vmcoreinfo_struct_size('prb_desc_ring', offsetof<prb_desc_ring>());
  vmcoreinfo_offset('prb_desc_ring.count_bits', offsetof<prb_desc_ring>('count_bits'));
  vmcoreinfo_offset('prb_desc_ring.descs', offsetof<prb_desc_ring>('descs'));
  vmcoreinfo_offset('prb_desc_ring.infos', offsetof<prb_desc_ring>('infos'));
  vmcoreinfo_offset('prb_desc_ring.head_id', offsetof<prb_desc_ring>('head_id'));
  vmcoreinfo_offset('prb_desc_ring.tail_id', offsetof<prb_desc_ring>('tail_id'));
  const text = offsetof<prb_desc_ring>();
  vmcoreinfo_struct_size('prb_data_ring', offsetof<printk_ringbuffer>('fail') - text);
  vmcoreinfo_offset('prb_data_ring.size_bits', offsetof<printk_ringbuffer>('size_bits') - text);
  vmcoreinfo_offset('prb_data_ring.data', offsetof<printk_ringbuffer>('data') - text);
  vmcoreinfo_offset('prb_data_ring.head_lpos', offsetof<printk_ringbuffer>('head_lpos') - text);
  vmcoreinfo_offset('prb_data_ring.tail_lpos', offsetof<printk_ringbuffer>('tail_lpos') - text);
}

function records(): void {
  vmcoreinfo_struct_size('prb_desc', offsetof<prb_desc>());
  vmcoreinfo_offset('prb_desc.state_var', offsetof<prb_desc>('state_var'));
  vmcoreinfo_offset('prb_desc.text_blk_lpos', offsetof<prb_desc>('begin'));
  vmcoreinfo_struct_size('prb_data_blk_lpos', offsetof<prb_desc>() - offsetof<prb_desc>('begin'));
  vmcoreinfo_offset('prb_data_blk_lpos.begin', 0);
  vmcoreinfo_offset(
    'prb_data_blk_lpos.next',
    offsetof<prb_desc>('next') - offsetof<prb_desc>('begin'),
  );
  vmcoreinfo_struct_size('printk_info', offsetof<printk_info>());
  vmcoreinfo_offset('printk_info.seq', offsetof<printk_info>('seq'));
  vmcoreinfo_offset('printk_info.ts_nsec', offsetof<printk_info>('ts_nsec'));
  vmcoreinfo_offset('printk_info.text_len', offsetof<printk_info>('text_len'));
  vmcoreinfo_offset('printk_info.caller_id', offsetof<printk_info>('caller_id'));
  vmcoreinfo_offset('printk_info.dev_info', offsetof<printk_info>('subsystem0'));
  vmcoreinfo_struct_size('dev_printk_info', DEV_INFO_SIZE);
  vmcoreinfo_offset('dev_printk_info.subsystem', 0);
  vmcoreinfo_length('printk_info_subsystem', DEV_INFO_SUBSYSTEM_SIZE);
  vmcoreinfo_offset('dev_printk_info.device', DEV_INFO_SUBSYSTEM_SIZE);
  vmcoreinfo_length('printk_info_device', DEV_INFO_DEVICE_SIZE);
}

/** Boot CPU. */
export function lockless_vmcoreinfo(): void {
  vmcoreinfo_symbol('prb', prb);
  vmcoreinfo_symbol('printk_rb_static', printk_rb_static);
  vmcoreinfo_symbol('clear_seq', clear_seq);
  rings();
  records();
  vmcoreinfo_struct_size('atomic_long_t', 4);
  vmcoreinfo_offset('atomic_long_t.counter', 0);
  vmcoreinfo_struct_size('latched_seq', LATCHED_SEQ_SIZE);
  vmcoreinfo_offset('latched_seq.val', LATCHED_SEQ_VAL);
}
