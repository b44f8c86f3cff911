// `printkit build --overlay`: what is wrong with the folder is said in one line.

import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { scratchFolder } from './guest.ts';
import { ensureBuilt, printkit } from './printkit.ts';

ensureBuilt();
const folder = scratchFolder();

async function buildWith(overlay: string) {
  const output = path.join(folder, 'out.elf');
  const { stderr, code } = await printkit(['build', '--overlay', overlay, '-o', output]);
  return { stderr, code, written: fs.existsSync(output) };
}

describe('printkit build --overlay', () => {
  it('says that there is no such folder', async () => {
    const overlay = path.join(folder, 'none');
    expect(await buildWith(overlay)).toEqual({
      stderr: `printkit: --overlay: cannot read ${overlay}: ENOENT\n`,
      code: 125,
      written: false,
    });
  });

  it('says that there are no sources in it', async () => {
    fs.writeFileSync(path.join(folder, 'notes.txt'), '');
    const { stderr, code } = await buildWith(folder);
    expect(stderr).toBe(`printkit: --overlay: there are no .ts or .S files in ${folder}\n`);
    expect(code).toBe(125);
  });

  it('says so of a folder that holds a firmware/ in place of what goes there', async () => {
    const overlay = path.join(folder, 'nested');
    fs.mkdirSync(path.join(overlay, 'firmware/init'), { recursive: true });
    fs.writeFileSync(path.join(overlay, 'firmware/init/extra.ts'), '');
    const { stderr, code, written } = await buildWith(overlay);
    const inner = path.join(overlay, 'firmware');
    expect(stderr).toMatch(/^printkit: --overlay: all files of [^\n]+\n$/);
    expect(stderr).toContain(`say --overlay ${inner}`);
    expect({ code, written }).toEqual({ code: 125, written: false });
  });

  it('names the place of a mistake in the sources', async () => {
    const overlay = path.join(folder, 'wrong');
    fs.mkdirSync(path.join(overlay, 'init'), { recursive: true });
    const source = 'export function extra_init(): void {\n  nothing();\n}\n';
    fs.writeFileSync(path.join(overlay, 'init/extra.ts'), source);
    const { stderr, code, written } = await buildWith(overlay);
    expect(stderr).toBe("printkit: firmware/init/extra.ts:2: Cannot find name 'nothing'.\n");
    expect({ code, written }).toEqual({ code: 125, written: false });
  });
});
