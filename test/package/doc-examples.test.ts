// The examples in docs/ that are marked as such are compiled and run, with the package's names standing
// for the sources.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { scratchFolder } from '../cli/guest.ts';
import { ensureBuilt, FIRMWARE, ROOT } from '../cli/printkit.ts';

ensureBuilt();
const MARKED = /<!-- example -->\n```ts\n([^]*?)```\n\n(?:It prints `(.*?)`)/g;

const examples = fs
  .readdirSync(path.join(ROOT, 'docs'))
  .filter((name) => name.endsWith('.md'))
  .flatMap((name) => {
    const text = fs.readFileSync(path.join(ROOT, 'docs', name), 'utf8');
    return [...text.matchAll(MARKED)].map(([, source, prints]) => ({ name, source, prints }));
  });

describe('examples', () => {
  it('are found', () => {
    expect(examples.length).toBeGreaterThanOrEqual(2);
  });

  it.each(examples)('in $name do what is said there', ({ source, prints }) => {
    const folder = scratchFolder();
    const file = path.join(folder, 'example.ts');
    const written = source
      .replace(/'printkit\/devices'/, `'${ROOT}/devices/index.ts'`)
      .replace(/'printkit'/, `'${ROOT}/src/index.ts'`);
    fs.writeFileSync(file, written);
    fs.writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }');
    const { config } = ts.readConfigFile(path.join(ROOT, 'tsconfig.json'), (name) =>
      fs.readFileSync(name, 'utf8'),
    ) as { config: { compilerOptions: object } };
    const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ROOT);
    const program = ts.createProgram([file], {
      ...options,
      noEmit: true,
      rewriteRelativeImportExtensions: false,
      allowImportingTsExtensions: true,
      typeRoots: [path.join(ROOT, 'node_modules/@types')],
    });
    const messages = ts
      .getPreEmitDiagnostics(program)
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
    expect(messages).toEqual([]);
    const loader = path.join(ROOT, 'test/ts-loader.mjs');
    const { stdout, stderr } = spawnSync(process.execPath, ['--import', loader, file, FIRMWARE], {
      encoding: 'utf8',
      timeout: 30_000,
    });
    expect({ stdout, stderr }).toEqual({ stdout: `${prints}\n`, stderr: '' });
  });
});
