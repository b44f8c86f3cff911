// Where the parts of the installed package are, seen from the compiled or the source tree.

import fs from 'node:fs';
import path from 'node:path';

/** The package's root folder: the nearest one above this file with our package.json. */
export function packageRoot(): string {
  for (let folder = import.meta.dirname; ; folder = path.dirname(folder)) {
    const file = path.join(folder, 'package.json');
    if (fs.existsSync(file)) return folder;
    if (path.dirname(folder) === folder) throw new Error('package.json is missing');
  }
}

export function packageVersion(): string {
  const text = fs.readFileSync(path.join(packageRoot(), 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** The firmware that `printkit build` makes and `printkit run` boots. */
export function firmwareElf(): string {
  return path.join(packageRoot(), 'dist', 'firmware', 'printkit.elf');
}
