// Who has a console: handover between CPUs under console_sem, and nbcon's takeover by an emergency, by a
// panic and from a driver, each as it shows on the wire and in the counters.

import { beforeAll, describe, expect, it } from 'vitest';
import { readElf } from '../../src/debug/elf.ts';
import { Symbolizer } from '../../src/debug/symbolizer.ts';
import { buildImage, type Console } from '../firmware/console.ts';
import { boot, logLines, occurrences, pairArguments, settle } from './guest.ts';

let elf: Uint8Array;
beforeAll(async () => {
  elf = await buildImage();
}, 120_000);

const MS = 1_000_000;
const LONG = 'x'.repeat(200);
/** firmware/arch/nmi.ts */
const NMI_REASON_PANIC = 0x102;
const REPLAY = '** replaying previous printk message **';

/** A counter of the command printk, by its name. */
function counter(printk: string, name: string): number {
  return Number(new RegExp(`(?:^| )${name} (\\d+)`, 'm').exec(printk)?.[1]);
}

describe('nbcon', () => {
  /** A long record has begun to arrive. */
  function inTheMiddleOfARecord(): Console {
    const console = boot(elf, pairArguments('lockless', 'nbcon'), 2);
    console.type(`log ${LONG}\r`);
    while (!console.line.text.includes('] xxxx')) console.runFor(MS);
    return console;
  }

  function expectCutAndReplayed(text: string): void {
    const lines = logLines(text);
    expect(lines.filter((line) => line.includes('] x') && !line.endsWith(LONG))).toHaveLength(1);
    expect(lines.filter((line) => line.endsWith(LONG))).toHaveLength(1);
    expect(text.replaceAll('\r', '')).toContain(`x\n${REPLAY}\n[`);
  }

  // One of the harts is the one whose thread is printing.
  it.each([0, 1])(
    'an emergency on hart %i takes the console, and prints again what was cut',
    (hart) => {
      const console = inTheMiddleOfARecord();
      console.machine.raiseNmi(hart, 5);
      console.waitFor(`NMI received for reason 5 on CPU ${hart}`);
      settle(console);
      expectCutAndReplayed(console.line.text);
      const counts = console.command('printk');
      expect(counter(counts, 'replayed')).toBe(1);
      expect(counter(counts, 'unsafe takeovers')).toBe(0);
      expect(counter(counts, 'takeovers') + counter(counts, 'handovers')).toBeGreaterThanOrEqual(1);
    },
  );

  it.each([0, 1])('so does a panic in an NMI on hart %i', (hart) => {
    const console = inTheMiddleOfARecord();
    console.machine.raiseNmi(hart, NMI_REASON_PANIC);
    expect(console.finish().kind).toBe('stuck');
    expectCutAndReplayed(console.line.text);
    expect(logLines(console.line.text).at(-1)).toContain('---[ end Kernel panic');
  });

  // 50 characters take 4.4 ms. Who waits for the owner waits 2 ms.
  it.each([
    [1000, 1, 3000, 6000],
    [20_000, 0, 2000, 2500],
  ])(
    'a report while a driver has the port for %i us: handed over %i times',
    (holdUs, handovers, min, max) => {
      const console = boot(elf, pairArguments('lockless', 'nbcon'), 2);
      const output = console.command(`run emergency-owner ${holdUs}`);
      const tookUs = Number(/the report took (\d+) us/.exec(output)?.[1]);
      expect(tookUs).toBeGreaterThanOrEqual(min);
      expect(tookUs).toBeLessThan(max);
      settle(console);
      const counts = console.command('printk');
      expect(counter(counts, 'handovers')).toBe(handovers);
      expect(counter(counts, 'takeovers')).toBe(0);
      expect(counter(counts, 'emergencies')).toBe(1);
      // If not by who reports, then by the thread.
      expect(occurrences(logLines(console.line.text), 'the port is taken')).toBe(1);
    },
  );

  describe('hostile takeover', () => {
    /** firmware/printk/console.ts: where Console has it; nbcon.ts: its bits. */
    const NBCON_STATE = 32;
    const UNSAFE = 1 << 4;
    const UNSAFE_TAKEOVER = 1 << 5;

    /** Panics in a scenario; the console's owner word as it is left, and the wire. */
    function panicIn(scenario: string): { state: number; text: string } {
      const console = boot(elf, pairArguments('lockless', 'nbcon'), 2);
      const { machine } = console;
      const word = (at: number): number =>
        new DataView(machine.readMemory(at >>> 0, 4).slice().buffer).getUint32(0, true);
      let device = 0;
      const acquire = new Symbolizer(readElf(elf)).address('nbcon_context_try_acquire');
      // Its context begins with the console.
      machine.watch(acquire, ({ x }) => (device = word(x[10])));
      console.type(`run ${scenario}\r`);
      expect(console.finish().kind).toBe('stuck');
      return { state: word(device + NBCON_STATE), text: console.line.text };
    }

    it('happens in the last flush of a panic, marks the console for good, and all is said', () => {
      const { state, text } = panicIn('panic-port-lock');
      expect(state & (UNSAFE | UNSAFE_TAKEOVER)).toBe(UNSAFE | UNSAFE_TAKEOVER);
      expect(text).toContain('---[ end Kernel panic - not syncing: scenario panic-port-lock ]---');
    });

    it('does not happen where the owner is not in the middle of something', () => {
      const { state, text } = panicIn('panic-backlog');
      expect(state & (UNSAFE | UNSAFE_TAKEOVER)).toBe(0);
      expect(text).toContain('---[ end Kernel panic - not syncing: scenario panic-backlog ]---');
    });
  });

  it('prints by threads, one for each console, and not while there is a boot console', () => {
    const threads = (bootargs: string): string[] => {
      const console = boot(elf, `${pairArguments('lockless', 'nbcon')} ${bootargs}`, 1);
      return console.command('ps').match(/pr\/ttyS\d/g) ?? [];
    };
    expect(threads('')).toEqual(['pr/ttyS0']);
    expect(threads('keep_bootcon')).toEqual([]);
  });

  it('write_atomic leaves what it sees of the modem lines to an interrupt, which handles it', () => {
    const console = boot(elf, `${pairArguments('lockless', 'nbcon')} console=ttyS0,115200n8r`, 2);
    console.machine.raiseNmi(1, 5);
    while (!console.line.text.includes('] NMI rec')) console.runFor(MS);
    console.line.modem({ cts: false });
    console.runFor(2 * MS);
    console.line.modem({ cts: true });
    console.waitFor('Call Trace:');
    settle(console);
    expect(console.command('uart -v')).toMatch(/modem changes cts:[12] /);
  });
});

describe('handover', () => {
  it('passes console_sem to a CPU that waits, and prints each record once', () => {
    const console = boot(elf, `${pairArguments('lockless', 'handover')} log_buf_len=256K`, 2);
    console.type('run workload calm\r');
    console.waitFor('run: workload: passed');
    settle(console);
    const counts = console.command('printk');
    expect(counter(counts, 'handovers')).toBeGreaterThan(5);
    const said = logLines(console.line.text).filter((line) => line.includes('] workload '));
    const messages = said.map((line) => line.replace(/^\[.*?\] /, ''));
    expect(new Set(messages).size).toBe(messages.length);
    expect(messages.filter((text) => /^workload t[01] \d+: /.test(text))).toHaveLength(2 * 111);
  });
});

describe('relay', () => {
  it('returns to the caller before its record is on the wire, and begins at once', () => {
    const console = boot(elf, pairArguments('lockless', 'relay'), 1);
    const from = console.line.transmitted.length;
    console.type(`log ${LONG}\r`);
    settle(console);
    const sent = console.line.transmitted.slice(from);
    const text = sent.map(({ byte }) => String.fromCharCode(byte)).join('');
    const stamp = /\[ *(\d+)\.(\d{6})\] x/.exec(text);
    if (!stamp) throw new Error(`no record in ${text}`);
    const loggedNs = Number(stamp[1]) * 1000 * MS + Number(stamp[2]) * 1000;
    const first = sent[stamp.index].atNs - loggedNs;
    // The command's echo is still in the transmitter: a FIFO, and the character itself.
    expect(first).toBeLessThan(17 * 90_000);
    expect(first).toBeGreaterThan(0);
    expect(occurrences(logLines(text), LONG)).toBe(1);
  });

  it('goes on when the CPU that logs takes no interrupts, and never will', () => {
    const console = boot(elf, `${pairArguments('lockless', 'relay')} nowatchdog`, 4);
    console.type('hang irqsoff\r');
    settle(console);
    console.machine.raiseNmi(3, 7);
    console.waitFor('Call Trace:\n');
    console.waitFor('hang_irqsoff');
  });
});
