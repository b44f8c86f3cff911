// Which store and which emitter: printk.store= and printk.emit= on the command line, or printk=, which
// names a pair as it was, or was proposed, at some time. docs/design-space.md says why these pairs.

import { READ_ONCE, WRITE_ONCE } from '../../arch/atomic';
import { param_is, param_present, param_copy } from '../../init/params';
import { str } from '../../lib/string';
import { pr_warn } from '../printk';
import { deferred_init } from './deferred';
import { direct_early_init, direct_init } from './direct';
import { emitter, printk_emitter } from './emit';
import { handover_init } from './handover';
import { kthread_init } from './kthread';
import { legacy_init } from './legacy';
import { nbcon_emitter_init } from './nbcon';
import { relay_init } from './relay';

@unmanaged
class Preset {
  name: string;
  store: string;
  emit: string;
}

const DEFAULT_PRESET: string = '2016';
const PRESETS: u32 = 7;
const presets: usize = memory.data(12 * 7, 4);

@unmanaged
class Design {
  name: string;
  init: (e: printk_emitter) => void;
}

const EMITTERS: u32 = 6;
const emitters: usize = memory.data(8 * 6, 4);

/** What was asked for and does not exist: C strings, empty if all is well. */
const NAME_MAX: u32 = 32;
const unknown_preset: usize = memory.data(32, 4);
const unknown_emit: usize = memory.data(32, 4);
/** The preset in use. */
const chosen: usize = memory.data(4, 4);

function set_preset(i: u32, name: string, store: string, emit: string): void {
  const p = preset_at(i);
  p.name = name;
  p.store = store;
  p.emit = emit;
}

function preset_at(i: u32): Preset {
  return changetype<Preset>(presets + <usize>i * offsetof<Preset>());
}

function set_emitter(i: u32, name: string, init: (e: printk_emitter) => void): void {
  const d = emitter_at(i);
  d.name = name;
  d.init = init;
}

function emitter_at(i: u32): Design {
  return changetype<Design>(emitters + <usize>i * offsetof<Design>());
}

function fill_tables(): void {
  set_preset(0, '2016', 'logbuf', 'direct');
  set_preset(1, 'safe-v3', 'safe', 'direct');
  set_preset(2, '5.10', 'lockless', 'handover');
  set_preset(3, 'petr', 'safe', 'kthread');
  set_preset(4, 'peterz', 'percpu', 'direct');
  set_preset(5, 'nbcon', 'lockless', 'nbcon');
  set_preset(6, 'printkit', 'spill', 'relay');
  set_emitter(0, 'direct', direct_init);
  set_emitter(1, 'handover', handover_init);
  set_emitter(2, 'deferred', deferred_init);
  set_emitter(3, 'kthread', kthread_init);
  set_emitter(4, 'nbcon', nbcon_emitter_init);
  set_emitter(5, 'relay', relay_init);
}

/**
 * Reads printk=. Boot CPU, when the command line is known and before the store is chosen. What is wrong
 * is said later, by presets_report().
 */
export function presets_init(): void {
  fill_tables();
  WRITE_ONCE(chosen, 0);
  if (!param_present('printk')) return;
  param_copy('printk', unknown_preset, NAME_MAX);
  for (let i: u32 = 0; i < PRESETS; i++) {
    if (!param_is('printk', preset_at(i).name)) continue;
    WRITE_ONCE(chosen, i);
    store<u8>(unknown_preset, 0);
  }
}

/** The store of the preset in use, for who gives no printk.store=. */
export function preset_store(): string {
  return preset_at(READ_ONCE(chosen)).store;
}

/** Peter Zijlstra's preset writes as early_console does. */
function wants_early_write(): bool {
  return param_present('force_early_printk') || param_is('printk', 'peterz');
}

/** Sets up the emitter in use. Boot CPU, after presets_init(). */
export function emit_init(): void {
  legacy_init();
  const asked = param_present('printk.emit');
  if (asked) param_copy('printk.emit', unknown_emit, NAME_MAX);
  const fallback = preset_at(READ_ONCE(chosen)).emit;
  for (let i: u32 = 0; i < EMITTERS; i++) {
    const design = emitter_at(i);
    if (design.name == fallback) design.init(emitter);
  }
  for (let i: u32 = 0; asked && i < EMITTERS; i++) {
    const design = emitter_at(i);
    if (!param_is('printk.emit', design.name)) continue;
    design.init(emitter);
    store<u8>(unknown_emit, 0);
  }
  if (emitter.name == 'direct' && wants_early_write()) direct_early_init(emitter);
}

/** Says what was asked for in vain. Boot CPU, after the command line was logged. */
export function presets_report(): void {
  if (load<u8>(unknown_preset)) {
    pr_warn('printk: unknown preset printk=%S, using %s\n', unknown_preset, str(DEFAULT_PRESET));
  }
  if (load<u8>(unknown_emit)) {
    pr_warn('printk: unknown printk.emit=%S, using %s\n', unknown_emit, str(emitter.name));
  }
}
