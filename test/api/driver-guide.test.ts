// docs/write-a-console-driver.md is true: its files, as they are printed there, build; the first version of
// the driver deadlocks in some schedule, the second one in none within the bound.

import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildFirmware } from '../../src/toolchain/build.ts';
import { scenario } from '../../src/vitest.ts';
import { scratchFolder } from '../cli/guest.ts';
import { ROOT } from '../cli/printkit.ts';

const FILE = /`ramcon\/([\w/-]+\.ts)`:\n\n```ts\n([^]*?)```\n/g;
const text = fs.readFileSync(path.join(ROOT, 'docs/write-a-console-driver.md'), 'utf8');
const files = [...text.matchAll(FILE)].map(([, name, source]) => ({ name, source }));
const versions = files.filter(({ name }) => name === 'ramcon.ts');
const folder = scratchFolder();

/** The scenario of the guide, with one of the driver's versions. */
async function build(version: number) {
  const others = files.filter(({ name }) => name !== 'ramcon.ts');
  const overlay = Object.fromEntries(
    [...others, versions[version]].map(({ name, source }) => [`firmware/${name}`, source]),
  );
  const elf = path.join(folder, `ramcon${version}.elf`);
  await buildFirmware({ overlay, output: elf });
  return scenario('ramcon-wakeup', { elf, append: 'printk=2016 console=null', seconds: Infinity });
}

describe('the driver guide', () => {
  beforeAll(() => {
    expect(files.map(({ name }) => name)).toEqual([
      'init/extra.ts',
      'ramcon.ts',
      'ramcon-wakeup.ts',
      'ramcon.ts',
    ]);
  });

  it('has a first version that deadlocks', async () => {
    await expect(await build(0)).toDeadlock({ samples: 20 });
  });

  it('has a second one that survives', async () => {
    await expect(await build(1)).toSurviveAllSchedules({ samples: 20, preemptions: 1 });
  });
});
