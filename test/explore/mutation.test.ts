// The explorer finds what goes wrong when a cure is taken out of the firmware, one line at a time, and
// finds nothing with the cure in place, within the same bounds.

import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readElf } from '../../src/debug/elf.ts';
import { Symbolizer } from '../../src/debug/symbolizer.ts';
import type { Ending } from '../../src/explore/model.ts';
import { raising } from '../../src/explore/raising.ts';
import { openRegion } from '../../src/explore/region.ts';
import { settled } from '../../src/explore/settle.ts';
import { buildFirmware } from '../../src/toolchain/build.ts';
import { type Mutation, MUTATIONS } from './mutations.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
/** Of a search that has to find something, and of one that has to come to its end. */
const EXECUTIONS_MAX = 400;
/** Of a search that is not to come to its end. */
const PARTLY_MAX = 150;

const read = (file: string): string => fs.readFileSync(path.join(ROOT, file), 'utf8');
const occurrences = (text: string, part: string): number => text.split(part).length - 1;

/** The kernel of firmware/selftest/primitives.ts, with a file changed. */
async function build(changed: Readonly<Record<string, string>>): Promise<Uint8Array> {
  const main = read('firmware/main.ts').replace('./init/main', './selftest/primitives');
  return (await buildFirmware({ overlay: { 'firmware/main.ts': main, ...changed } })).elf;
}

interface Outcome {
  readonly executions: number;
  /** The first ending that is not a good one. */
  readonly bad?: Ending;
  readonly complete?: boolean;
}

/** All executions within the bounds, up to the first that does not end well. */
function search(
  bytes: Uint8Array,
  { append, bounds }: Mutation,
  executionsMax = EXECUTIONS_MAX,
): Outcome {
  const elf = readElf(bytes, 'primitives.elf');
  const [preemptions, irqs, nmis] = bounds;
  const { model } = openRegion(elf, new Symbolizer(elf), {
    harts: 2,
    bootargs: append,
    inject: [],
    from: 'scenario_begin',
    until: 'scenario_end',
  });
  const options = {
    stepsMax: 20_000,
    prefixesMax: 1_000_000,
    stop: (executions: number) => executions > executionsMax,
  };
  const executions = settled(model, () => raising(model, { preemptions, irqs, nmis }, options));
  for (let n = 0; ; n++) {
    const { done, value } = executions.next();
    if (done === true) return { executions: n, complete: value.complete };
    if (value.ending.kind !== 'done') return { executions: n + 1, bad: value.ending };
  }
}

describe('with every cure in place', () => {
  let whole: Uint8Array;
  beforeAll(async () => {
    whole = await build({});
  });
  const distinct = new Map(
    MUTATIONS.map((each) => [`${each.append}: ${each.bounds.join()}`, each]),
  );

  it.each([...distinct])('%s preemptions, interrupts and NMIs: no finding', (_name, mutation) => {
    const { bad, complete } = search(whole, mutation, mutation.partly && PARTLY_MAX);
    expect(bad).toBeUndefined();
    expect(complete).toBe(mutation.partly !== true);
  });
});

describe('without the cure', () => {
  it.each(MUTATIONS)('$name', async (mutation) => {
    const { file, from, to } = mutation;
    const text = read(file);
    expect(occurrences(text, from)).toBe(1);
    const { bad, executions } = search(
      await build({ [file]: text.replace(from, () => to) }),
      mutation,
    );
    expect(bad?.kind).toBe('deadlock');
    expect(executions).toBeLessThanOrEqual(EXECUTIONS_MAX);
  });
});
