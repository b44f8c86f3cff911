// All self tests, in the order in which they run.

import { register_deferred_selftests } from './deferred';
import { register_flip_selftests } from './flip';
import { register_kmsg_selftests } from './kmsg';
import { register_lock_selftests } from './locks';
import { register_printk_selftests } from './printk';
import { register_printk_writer_selftests } from './printk-writers';
import { register_sched_selftests } from './sched';
import { register_tty_selftests } from './tty';

export function register_all_selftests(): void {
  register_lock_selftests();
  register_sched_selftests();
  register_deferred_selftests();
  register_tty_selftests();
  register_flip_selftests();
  register_kmsg_selftests();
  register_printk_selftests();
  register_printk_writer_selftests();
}
