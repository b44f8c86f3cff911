// /dev/kmsg and syslog() in the guest, from the shell and by the guest's own tests.

import { beforeAll, describe, expect, it } from 'vitest';
import { MockLine } from '../../devices/uart8250/index.ts';
import { buildImage, Console, PROMPT } from '../firmware/console.ts';
import { EMITTERS } from './guest.ts';

let elf: Uint8Array;
beforeAll(async () => {
  elf = await buildImage();
}, 120_000);

const boot = (bootargs = 'quiet', uarts = 1): Console =>
  new Console(elf, { bootargs, uarts: Array.from({ length: uarts }, () => ({})) });

/** The far end of ttyS1. */
function attachSecond(console: Console): MockLine {
  const line = new MockLine(console.machine.clock, 'line1');
  console.machine.uarts[1]?.attach(line);
  return line;
}

const SELFTESTS = [
  'kmsg: readers have positions of their own',
  'kmsg: format',
  'kmsg: overrun',
  'kmsg: write',
  'kmsg: blocking readers',
  'syslog: actions',
];

describe.each(['logbuf', 'safe', 'percpu', 'lockless', 'spill'])('with the store %s', (store) => {
  it('the guest tests itself', () => {
    const console = boot(`quiet printk.store=${store}`);
    expect(console.command('dmesg')).not.toContain('unknown');
    for (const name of SELFTESTS) {
      expect(console.command(`run selftest 1 "${name}"`)).toBe(
        `TAP version 13\n1..1\nok 1 - ${name}\nrun: selftest: passed\n`,
      );
    }
  });
});

describe('readers that wait', () => {
  it.each(EMITTERS)(
    'are woken by printk() and by printk_deferred(), with the emitter %s',
    (emit) => {
      const console = boot(`quiet printk.emit=${emit}`);
      expect(console.command('run selftest 1 "kmsg: blocking readers"')).toContain('\nok 1');
    },
  );

  it.each(EMITTERS)('are woken when `safe` brings an NMI into the log, with %s', (emit) => {
    const console = boot(`quiet printk.store=safe printk.emit=${emit}`, 2);
    const line = attachSecond(console);
    console.command('dmesg -Wt > /dev/ttyS1 &');
    console.machine.raiseNmi(1);
    console.runFor(500_000_000);
    expect(line.text).toContain('NMI received');
  });
});

describe('a message about a device', () => {
  it.each(['logbuf', 'safe', 'percpu', 'lockless', 'spill'])('names it in store %s', (store) => {
    const console = new Console(elf, {
      bootargs: `quiet printk.store=${store}`,
      uarts: [{}, {}],
    });
    console.waitFor(PROMPT);
    console.type('cat /dev/kmsg\r');
    const end = console.waitFor('Run shell as init process\n');
    const text = console.text.slice(0, end);
    const about = [...text.matchAll(/;(\w+)\.serial: (ttyS\d) .*\n((?: .*\n)*)/g)];
    expect(about.map(([, , tty]) => tty)).toEqual(['ttyS0', 'ttyS1']);
    for (const [, address, , properties] of about) {
      expect(properties).toBe(` SUBSYSTEM=platform\n DEVICE=+platform:${address}.serial\n`);
    }
    // Only those.
    expect(text.match(/^ \w+=/gm)).toHaveLength(4);
  });
});

describe('cat /dev/kmsg', () => {
  it('gives one line per record and one per property, and waits for more until ^C', () => {
    const console = boot('quiet printk.caller=1');
    console.command('log 5 one\\two');
    console.type('cat /dev/kmsg\r');
    const end = console.waitFor('one\\x5ctwo\n');
    const lines = console.text
      .slice(console.text.indexOf('cat /dev/kmsg\n') + 14, end - 1)
      .split('\n');
    const records = lines.filter((line) => !line.startsWith(' '));
    records.forEach((line, seq) =>
      expect(line).toMatch(new RegExp(`^\\d,${seq},\\d+,-,caller=[TC]\\d+;`)),
    );
    expect(lines[0]).toMatch(/^5,0,\d+,-,caller=T0;Booting printkit/);
    expect(lines.at(-1)).toMatch(/^5,\d+,\d+,-,caller=T1;one/);
    console.type('\x03');
    console.waitFor(`^C\n${PROMPT}`, end);
  });

  it('runs in the background, several at a time, to other ports', () => {
    const console = boot('quiet', 3);
    const lines = [1, 2].map((n) => {
      const line = new MockLine(console.machine.clock, `line${n}`);
      console.machine.uarts[n]?.attach(line);
      return line;
    });
    console.command('cat /dev/kmsg > /dev/ttyS1 &');
    console.command('log 5 early');
    console.command('dmesg -Wt > /dev/ttyS2 &');
    console.command('log 5 late');
    expect(console.command('jobs')).toBe(
      '[1] Running cat /dev/kmsg > /dev/ttyS1 &\n[2] Running dmesg -Wt > /dev/ttyS2 &\n',
    );
    // 9600 baud.
    console.runFor(3_000_000_000);
    expect(lines[0]?.text).toMatch(/^5,0,.*;Booting[^]*;early\r\n5,\d+,\d+,-;late\r\n$/);
    expect(lines[1]?.text).toBe('late\r\n');
    console.command('kill %1');
    console.runFor(500_000_000);
    console.type('\r');
    console.waitFor('[1] Done    cat /dev/kmsg > /dev/ttyS1 &\n');
    console.waitFor(PROMPT, console.text.lastIndexOf('Done'));
    console.command('log 5 later');
    console.runFor(500_000_000);
    expect(lines[0]?.text).not.toContain('later');
    expect(lines[1]?.text).toBe('late\r\nlater\r\n');
  });
});

describe('writing to /dev/kmsg', () => {
  it('makes a record of facility user', () => {
    const console = boot();
    console.command('dmesg -C');
    console.command('echo "<3>an  error" > /dev/kmsg');
    console.command('echo plain >/dev/kmsg');
    console.command('echo "<30>from a daemon" > /dev/kmsg');
    expect(console.command('dmesg -xt')).toBe(
      'user  :err   : an  error\nuser  :warn  : plain\ndaemon:info  : from a daemon\n',
    );
    expect(console.command('dmesg -k')).toBe('');
  });

  it('is limited, on or off by printk.devkmsg=', () => {
    const count = (bootargs: string): number => {
      const console = boot(`quiet ${bootargs}`);
      console.command('dmesg -C');
      console.command('fill 12 > /dev/kmsg');
      return console.command('dmesg -u').split('\n').length - 1;
    };
    expect(count('')).toBe(10);
    expect(count('printk.devkmsg=on')).toBe(12);
    expect(count('printk.devkmsg=off')).toBe(0);
  });

  it('is not permitted with printk.devkmsg=off, nor is reading', () => {
    const console = boot('quiet printk.devkmsg=off');
    const refused = '/dev/kmsg: operation not permitted\n';
    expect(console.command('echo x > /dev/kmsg')).toBe(refused);
    expect(console.command('cat /dev/kmsg')).toBe(`cat: ${refused}`);
    // As dmesg does by syslog() then.
    expect(console.command('dmesg -tl notice')).toMatch(/^Booting printkit/);
  });

  it('tells how many lines the limit kept back', () => {
    const console = boot();
    console.command('fill 12 > /dev/kmsg');
    expect(console.command('dmesg -kt -l warn')).toBe(
      'sh: 2 output lines suppressed due to ratelimiting\n',
    );
  });
});

it('rate limits tell how many lines they kept back, when the next one comes', () => {
  const console = boot('');
  const limited = (): string => console.command('ratelimit 12').replaceAll('ratelimit: ', '');
  const first = limited();
  expect(first.match(/^message \d+ of 12$/gm)).toHaveLength(10);
  expect(first).not.toContain('suppressed');
  console.runFor(5_100_000_000);
  console.command('dmesg -C');
  limited();
  expect(console.command('dmesg -t').split('\n').slice(0, 2)).toEqual([
    'printk_ratelimit: 2 callbacks suppressed',
    'ratelimit: message 1 of 12',
  ]);
});

describe('syslog', () => {
  it('wants to know which action', () => {
    for (const nothing of ['', 'read', '-1']) {
      expect(boot().command(`syslog ${nothing}`)).toMatch(/^usage: syslog ACTION/);
    }
  });
});

it('the shell says what it cannot do', () => {
  const console = boot();
  expect(console.command('echo x > /tmp/x')).toBe(
    '/tmp/x: cannot write there: only to /dev/kmsg and /dev/ttySn\n',
  );
  expect(console.command('ps &')).toBe('ps: cannot run in the background\n');
  expect(console.command('cat /etc/passwd')).toBe('cat: /etc/passwd: no such file\n');
  expect(console.command('kill %3')).toBe('kill: there is no job %3\n');
  expect(console.command('echo "a  b" \'c "d\' e')).toBe('a  b c "d e\n');
});
