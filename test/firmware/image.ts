// The firmware, compiled from its sources as they stand. Compiling takes seconds and every test file
// wants it, so the last one is kept, behind the hash of all that it was made from.

import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { buildFirmware } from '../../src/toolchain/build.ts';

const root = path.resolve(import.meta.dirname, '../..');
/** What decides what the compiler makes of the firmware. */
const SOURCES = ['firmware', 'src'];
const FILES = ['package.json', 'package-lock.json'];
const HASH_BYTES = 32;

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
/** One file per checkout, even if checkouts share their node_modules. */
const kept = path.join(root, 'node_modules/.cache/printkit', `${hashOf(root).slice(0, 8)}.image`);

async function hashOfSources(): Promise<Buffer> {
  const names = FILES.map((name) => path.join(root, name));
  for (const folder of SOURCES) {
    const entries = await readdir(path.join(root, folder), {
      recursive: true,
      withFileTypes: true,
    });
    for (const entry of entries) {
      if (entry.isFile()) names.push(path.join(entry.parentPath, entry.name));
    }
  }
  const hash = createHash('sha256');
  for (const name of names.sort()) {
    const text = await readFile(name);
    hash.update(`${name}\n${text.length}\n`).update(text);
  }
  return hash.digest();
}

/** The ELF. */
export async function buildImage(): Promise<Uint8Array> {
  const hash = await hashOfSources();
  const found = await readFile(kept).catch(() => undefined);
  if (found?.subarray(0, HASH_BYTES).equals(hash)) return found.subarray(HASH_BYTES);
  const { elf } = await buildFirmware();
  await mkdir(path.dirname(kept), { recursive: true });
  // Others may be at it too: what is there is whole.
  const draft = `${kept}.${process.pid}`;
  await writeFile(draft, Buffer.concat([hash, elf]));
  await rename(draft, kept);
  return elf;
}
