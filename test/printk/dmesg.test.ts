// dmesg in the guest: what its options do, on a log that the test has written.

import { beforeAll, describe, expect, it } from 'vitest';
import { buildImage, Console, PROMPT } from '../firmware/console.ts';

let elf: Uint8Array;
beforeAll(async () => {
  elf = await buildImage();
}, 120_000);

/** A guest whose log holds an error, a warning and a line of user space; times as the console has them. */
function withLog(bootargs = 'quiet'): Console {
  const console = new Console(elf, { bootargs, harts: 1 });
  console.command('dmesg -C');
  console.command('log 3 disk: broken');
  console.command('log 4 disk: slow');
  console.command('echo "<14>user: hello" > /dev/kmsg');
  return console;
}

const LINES = ['disk: broken', 'disk: slow', 'user: hello'];
/** Output with times, as it came over the line. */
function raw(console: Console, command: string): string {
  const from = console.line.text.length;
  console.command(command);
  const text = console.line.text.slice(from).replaceAll('\r', '');
  return text.slice(text.indexOf('\n') + 1, text.lastIndexOf(PROMPT));
}

describe('dmesg', () => {
  it.each([
    ['-t', LINES],
    ['-tl err', [LINES[0]]],
    ['-t --level=warn,err', LINES.slice(0, 2)],
    ['-tlerr+', [LINES[0]]],
    ['-t -l +warn', LINES.slice(1)],
    ['-tf user', [LINES[2]]],
    ['-tk', LINES.slice(0, 2)],
    ['-tu', [LINES[2]]],
    // Lists add up.
    ['-tk -u', LINES],
    ['-tf user -f 0', LINES],
    ['-tl err -l warn', LINES.slice(0, 2)],
    [
      '-xt',
      ['kern  :err   : disk: broken', 'kern  :warn  : disk: slow', 'user  :info  : user: hello'],
    ],
    ['-t --since -1h', LINES],
    ['-t --since now', []],
    ['-t --since "2 hours ago"', LINES],
    ['-t --since @500', []],
    ['-t --since @0.001', LINES],
    ['-t --since @1.5', []],
    [
      '-tL',
      [
        '\x1b[33mdisk: \x1b[0m\x1b[31mbroken\x1b[0m',
        '\x1b[33mdisk: \x1b[0m\x1b[1mslow\x1b[0m',
        '\x1b[33muser: \x1b[0mhello',
      ],
    ],
    ['-tL=never', LINES],
    ['--color=never -Ht', LINES],
    // The last one counts, and -d alone is more than nothing.
    ['-Tt', LINES],
  ])('%s', (options, lines) => {
    expect(withLog().command(`dmesg ${options}`)).toBe(lines.map((line) => `${line}\n`).join(''));
  });

  it('shows times in several ways', () => {
    const console = withLog();
    const stamps = [...raw(console, 'dmesg').matchAll(/^\[ +(\d+\.\d{6})\] (.*)$/gm)];
    expect(stamps.map(([, , text]) => text)).toEqual(LINES);
    const [a, b, c] = stamps.map(([, time]) => Number(time)) as [number, number, number];
    expect(a < b && b < c).toBe(true);
    const padded = (seconds: number, width: number) => seconds.toFixed(6).padStart(width);
    const show = (prefixes: string[]) => prefixes.map((p, i) => `${p}${LINES[i]}\n`).join('');
    const times = [a, b, c].map((time) => padded(time, 12));
    const deltas = [0, b - a, c - b].map((delta) => padded(delta, 12));
    expect(raw(console, 'dmesg -d')).toBe(
      show(times.map((time, i) => `[${time} <${deltas[i]}>] `)),
    );
    expect(raw(console, 'dmesg -td')).toBe(show(deltas.map((delta) => `[<${delta}>] `)));
    for (const options of ['-ed', '-dH --color=never']) {
      expect(raw(console, `dmesg ${options}`)).toBe(show(deltas.map((delta) => `[<${delta}>] `)));
    }
    expect(raw(console, 'dmesg -Td').split('\n')[1]).toBe(
      `[Thu Jan  1 00:00:00 1970 <${deltas[1]}>] ${LINES[1]}`,
    );
    expect(raw(console, 'dmesg -r')).toBe(
      show(['<3>', '<4>', '<14>'].map((p, i) => `${p}[${times[i]}] `)),
    );
    expect(raw(console, 'dmesg -T')).toBe(show(LINES.map(() => '[Thu Jan  1 00:00:00 1970] ')));
    expect(raw(console, 'dmesg -e')).toBe(
      show(['[Jan 1 00:00] ', ...[b - a, c - b].map((delta) => `[  +${padded(delta, 8)}] `)]),
    );
    expect(raw(console, 'dmesg -H')).toContain(
      '\x1b[32m\x1b[1m[Jan 1 00:00] \x1b[0m\x1b[33mdisk: \x1b[0m\x1b[31mbroken\x1b[0m\n\x1b[32m[  +',
    );
  });

  it('clears for itself, and after reading', () => {
    const console = withLog();
    expect(console.command('dmesg -ct')).toBe(LINES.map((line) => `${line}\n`).join(''));
    expect(console.command('dmesg')).toBe('');
    console.command('log 3 new');
    expect(console.command('dmesg -t')).toBe('new\n');
    // Nothing is gone from the log itself.
    expect(console.command('syslog 9')).toMatch(/^syslog\(9\) = [1-9]/);
  });

  it('turns the console off and on, and sets its level', () => {
    const console = withLog('');
    console.command('dmesg --console-off');
    expect(console.command('log 3 unseen')).toBe('');
    console.command('dmesg -E');
    expect(console.command('log 3 seen')).toBe('seen\n');
    console.command('dmesg -n err');
    expect(console.command('log 3 seen')).toBe('seen\n');
    expect(console.command('log 4 unseen')).toBe('');
    console.command('dmesg --console-level 5');
    expect(console.command('log 4 seen')).toBe('seen\n');
    // Off and on again, it is what it was last.
    console.command('dmesg -D');
    console.command('loglevel 6');
    console.command('dmesg -D');
    console.command('dmesg -E');
    expect(console.command('loglevel')).toBe('console_loglevel 5\n');
    console.command('loglevel 6');
    console.command('dmesg -E');
    expect(console.command('loglevel')).toBe('console_loglevel 6\n');
    for (const level of ['9', '0', '4x', 'loud']) {
      expect(console.command(`dmesg -n ${level}`)).toBe(`dmesg: unknown level '${level}'\n`);
    }
    expect(console.command('loglevel')).toBe('console_loglevel 6\n');
  });

  it('follows the log until ^C, -w from its beginning and -W from now on', () => {
    const console = withLog('quiet');
    for (const [option, first] of [
      ['-wt', `${LINES.join('\n')}\n`],
      ['-Wt', ''],
    ]) {
      const from = console.text.length;
      console.type(`dmesg ${option}\r`);
      console.runFor(200_000_000);
      expect(console.text.slice(from)).toBe(`dmesg ${option}\n${first}`);
      console.type('\x03');
      console.waitFor(`^C\n${PROMPT}`, from);
    }
    console.command('dmesg -Wt &');
    console.type('log 3 followed\r');
    console.waitFor('\nfollowed\n');
  });

  it('says what is wrong with its options', () => {
    const console = withLog();
    const wrong = (options: string) => console.command(`dmesg ${options}`);
    expect(wrong('-q')).toBe("dmesg: invalid option -- 'q'; try dmesg --help\n");
    expect(wrong('--quick')).toBe("dmesg: unrecognized option '--quick'; try dmesg --help\n");
    expect(wrong('-l')).toBe("dmesg: option requires an argument -- 'l'; try dmesg --help\n");
    expect(wrong('-l loud')).toBe("dmesg: unknown level 'loud'\n");
    expect(wrong('-f disk')).toBe("dmesg: unknown facility 'disk'\n");
    expect(wrong('--since yesterday')).toContain("dmesg: invalid time value 'yesterday'");
    for (const options of ['-rx', '-rL', '-rc', '-rd']) {
      expect(wrong(options)).toContain('--raw can be used together with');
    }
    for (const options of ['-cC', '-DE', '-Cn4', '-D --read-clear']) {
      expect(wrong(options)).toContain('dmesg: mutually exclusive arguments: --clear ');
    }
    expect(wrong('--follow=yes')).toContain("option '--follow=yes' doesn't allow an argument");
    expect(wrong('--color=red')).toBe("dmesg: unsupported color mode: 'red'\n");
    expect(wrong('-f 12')).toBe("dmesg: unknown facility '12'\n");
    expect(wrong('core')).toBe("dmesg: unexpected argument 'core'\n");
    expect(wrong('--help')).toMatch(/^usage: dmesg/);
  });

  it('escapes control characters and prefixes every line', () => {
    const console = new Console(elf, { bootargs: 'quiet', harts: 1 });
    console.command('dmesg -C');
    console.command('run selftest 1 "kmsg: format"');
    expect(console.command('dmesg -xtl debug')).toMatch(
      /^kern {2}:debug : a\tb\\c\\x01\\x7f\xe9 d\nkern {2}:debug : e\n/,
    );
  });
});
