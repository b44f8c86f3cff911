// A finding of the firmware, replayed on a firmware that was changed: `build --overlay`, then `--replay`.

import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { scratchFolder } from './guest.ts';
import { ensureBuilt, printkit, ROOT } from './printkit.ts';

const folder = scratchFolder();
const CONSOLE = 'serial/8250-console.ts';

ensureBuilt();

async function explore(...args: string[]) {
  const { stdout, stderr, code } = await printkit(['explore', ...args]);
  expect(stderr).toBe('');
  return { stdout: Buffer.from(stdout, 'latin1').toString('utf8'), code };
}

/** Builds the firmware with a changed console driver: each text has to be in it. */
async function build(name: string, changes: readonly (readonly [string, string])[]) {
  const overlay = path.join(folder, name);
  const file = path.join(overlay, CONSOLE);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  let text = fs.readFileSync(path.join(ROOT, 'firmware', CONSOLE), 'utf8');
  for (const [from, to] of changes) {
    expect(text).toContain(from);
    text = text.replace(from, to);
  }
  fs.writeFileSync(file, text);
  const elf = path.join(folder, `${name}.elf`);
  const { code, stderr } = await printkit(['build', '--overlay', overlay, '-o', elf]);
  expect([code, stderr]).toEqual([0, expect.stringContaining('.elf, ')]);
  return elf;
}

describe('a finding of the firmware', () => {
  it('replays on one with a function more, and more to do under the lock', async () => {
    const finding = path.join(folder, 'finding.json');
    const cycle = 'cycle: hart 0 irq → rq->lock → hart 1 task → port_lock → hart 0 irq';
    const found = await explore('wakeup-rq-abba', '--append', 'printk=2016', '--out', finding);
    expect(found.stdout).toContain(cycle);

    const counts = `const writes_seen: usize = memory.data(4, 4);

function count_write(length: u32): void {
  store<u32>(writes_seen, load<u32>(writes_seen) + (length ^ 5));
}

/** console->write(). */
`;
    const locked = '  else spin_lock(up.lock);\n';
    const elf = await build('more', [
      ['/** console->write(). */\n', counts],
      [locked, `${locked}  count_write(length);\n`],
    ]);
    const again = await explore('--replay', finding, '--kernel', elf);
    expect(again.stdout).toContain(cycle);
    expect(again.stdout).toMatch(
      /^replayed by symbols, and every turn fits; \d+ steps\n {2}the program is not the one that was recorded\n$/m,
    );
    expect(again.code).toBe(1);
  }, 180_000);
});
