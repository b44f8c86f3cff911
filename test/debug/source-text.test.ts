// Names of memory as the source has them.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SourceText } from '../../src/debug/source-text.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'source-text-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

const LINES = [
  'while (READ_ONCE(begun) == 0) hart_pause();',
  "WRITE_ONCE(changetype<usize>(p) + offsetof<task_struct>('on_cpu'), 1);",
  'if (cmpxchg_acquire(word, old, old + 1) == old) return smp_load_acquire(other);',
  'lock.contended++;',
];
fs.writeFileSync(path.join(folder, 'a.ts'), LINES.join('\n'));

describe('what a line accesses', () => {
  const text = new SourceText([path.join(folder, 'nowhere'), folder]);
  const none = { variable: undefined, field: undefined, type: undefined };

  it('is a variable', () => {
    expect(text.namesIn('a.ts:1')).toEqual({ ...none, variable: 'begun' });
  });

  it('is a field of a type', () => {
    expect(text.namesIn('a.ts:2')).toEqual({ ...none, field: 'on_cpu', type: 'task_struct' });
  });

  it('is not said when there are several, or none', () => {
    expect(text.namesIn('a.ts:3')).toEqual(none);
    expect(text.namesIn('a.ts:4')).toEqual(none);
  });

  it('is not said for lines and files that are not there', () => {
    expect(text.namesIn('a.ts:5')).toEqual(none);
    expect(text.namesIn('b.ts:1')).toEqual(none);
    expect(text.namesIn('no line')).toEqual(none);
    expect(text.namesIn(undefined)).toEqual(none);
  });
});
