// What must not be done with locks, timers and memory: the guest says BUG with function and line, the
// thread dies, the shell lives. And harts and tasks that hang: the watchdogs say so.

import { beforeAll, describe, expect, it } from 'vitest';
import { buildImage, Console, PROMPT } from '../firmware/console.ts';

let elf: Uint8Array;
beforeAll(async () => {
  elf = await buildImage();
}, 60_000);

const boot = (harts: number, bootargs?: string): Console =>
  new Console(elf, bootargs === undefined ? { harts } : { harts, bootargs });

/** Types at the prompt, and does not wait for another one. */
function start(console: Console, command: string): void {
  console.waitFor(PROMPT);
  console.type(`${command}\r`);
}

describe('bug', () => {
  it.each([
    ['unlock', 'spinlock already unlocked', 'locking/spinlock.ts'],
    ['owner', 'spinlock unlocked by a CPU that does not hold it', 'locking/spinlock.ts'],
    ['mutex', 'mutex already unlocked', 'locking/mutex.ts'],
    ['mutex-owner', 'mutex unlocked by a task that does not hold it', 'locking/mutex.ts'],
    ['sleep', 'sleeping function called from atomic context', 'sched/core.ts'],
    ['irqs', 'sleeping function called with interrupts off', 'sched/core.ts'],
    ['schedule', 'scheduling while atomic', 'sched/core.ts'],
    ['timer', 'an active timer is freed', 'time/timer.ts'],
    ['work', 'a queued work is freed', 'kernel/workqueue.ts'],
    ['free', 'kfree of memory that is free', 'mm/slab.ts'],
  ])('%s: %s', (kind, text, file) => {
    const console = boot(2);
    const output = console.command(`bug ${kind}`);
    expect(output).toContain(`BUG: ${text}\n`);
    expect(output).toMatch(
      new RegExp(`^kernel BUG at firmware/${file}:\\d+ in \\w+\\+0x[0-9a-f]+/0x[0-9a-f]+!$`, 'm'),
    );
    expect(output).toMatch(/Comm: bug /);
    expect(output).toContain('] bug_');
    // The thread is gone, the system goes on.
    expect(console.command('ps')).not.toContain(' bug');
    expect(console.command('echo alive')).toBe('alive\n');
  });

  it('panics when there is no task to kill', () => {
    const console = boot(1);
    start(console, 'oops irq');
    console.waitFor('Kernel panic - not syncing: Fatal exception in interrupt');
    expect(console.finish().kind).toBe('stuck');
  });

  it('an oops in a task ends that task only', () => {
    const console = boot(2);
    const output = console.command('oops');
    expect(output).toContain('Oops - load access fault [#1]\n');
    expect(output).toMatch(/^CPU: 0 PID: \d+ Comm: oops /m);
    expect(output).toContain('] oops_now+');
    expect(console.command('ps')).not.toContain(' oops');
    expect(console.command('oops')).toContain('Oops - load access fault [#2]\n');
    expect(console.command('echo alive')).toBe('alive\n');
  });

  it.each(['softirq', 'irq', 'nmi'])('an oops in %s is a panic', (context) => {
    const console = boot(2);
    start(console, `oops ${context}`);
    expect(console.finish().kind).toBe('stuck');
    expect(console.text).toContain('Oops - load access fault [#1]\n');
    expect(console.text).toContain('Kernel panic - not syncing: Fatal exception in interrupt\n');
  });

  it.each(['softirq', 'irq', 'nmi'])('panic and warn in %s', (context) => {
    const console = boot(2);
    expect(console.command(`warn ${context}`)).toContain('WARNING: warn command\n');
    start(console, `panic ${context}`);
    console.waitFor(`Kernel panic - not syncing: panic command in ${context} context\n`);
  });

  it.each(['oops=panic', 'panic_on_oops=1'])('an oops obeys %s', (parameter) => {
    const console = boot(1, parameter);
    start(console, 'oops');
    console.waitFor('Kernel panic - not syncing: Fatal exception\n');
  });

  it('obeys oops=panic', () => {
    const console = boot(1, 'oops=panic');
    start(console, 'bug');
    console.waitFor('Kernel panic - not syncing: Fatal exception');
  });
});

describe('hang', () => {
  const FAST = 'watchdog_thresh=1 hung_task_timeout=2';

  it('irqsoff: the neighbour sees a hard lockup and has the hart show where it is', () => {
    const console = boot(3, FAST);
    start(console, 'hang irqsoff');
    const from = console.waitFor('Watchdog detected hard LOCKUP on cpu 2\n');
    console.waitFor('] hang_irqsoff+', from);
  });

  it('preempt: a soft lockup', () => {
    const console = boot(2, FAST);
    start(console, 'hang preempt');
    const from = console.waitFor('watchdog: BUG: soft lockup - CPU#1 stuck for ');
    console.waitFor('] hang_preempt+', from);
  });

  it('preempt, with softlockup_panic=1', () => {
    const console = boot(2, `${FAST} softlockup_panic=1`);
    start(console, 'hang preempt');
    console.waitFor('Kernel panic - not syncing: softlockup: hung tasks');
  });

  it('task: the waiter for a mutex is reported with its stack', () => {
    const console = boot(2, FAST);
    start(console, 'hang task');
    const from = console.waitFor('INFO: task waiter:');
    console.waitFor('] mutex_lock', from);
  });

  it('stays quiet when nothing hangs', () => {
    const console = boot(3, FAST);
    console.command('stress 6 4');
    expect(console.text).not.toContain('watchdog:');
    expect(console.text).not.toContain('INFO: task');
  });
});

describe('deadlock', () => {
  it('two harts: the hard lockup detector shows both locks', () => {
    const console = boot(4, 'watchdog_thresh=1');
    start(console, 'deadlock');
    const from = console.waitFor('detected hard LOCKUP on cpu');
    console.waitFor('] abba+', console.waitFor('] spin_lock+', from));
  });
});
