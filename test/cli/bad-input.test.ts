// What users get wrong: each case is one clear line on stderr, nothing on stdout, exit code 125.

import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { guestElf, scratchFolder, exitWith } from './guest.ts';
import { ensureBuilt, printkit } from './printkit.ts';

const folder = scratchFolder();
const file = (name: string) => path.join(folder, name);

ensureBuilt();

beforeAll(() => {
  const good = fs.readFileSync(guestElf(folder, 'good.elf', exitWith(0)));
  const change = (name: string, offset: number, value: number) => {
    const bytes = Buffer.from(good);
    bytes.writeUInt16LE(value, offset);
    fs.writeFileSync(file(name), bytes);
  };
  fs.writeFileSync(
    file('text.elf'),
    'This is no ELF file, but it is long enough to be one.\n'.repeat(9),
  );
  fs.writeFileSync(file('empty.elf'), '');
  fs.writeFileSync(file('truncated.elf'), good.subarray(0, 60));
  change('arm.elf', 18, 40);
  change('shared.elf', 16, 3);
  change('elf64.elf', 4, 0x0102);
  fs.mkdirSync(file('folder.elf'));
  fs.writeFileSync(file('taken'), '');
});

const OPTIONS: readonly (readonly [string, RegExp])[] = [
  ['--smp 0', /--smp: "0" is not a whole number from 1 to 32/],
  ['--smp 33', /--smp/],
  ['--smp four', /--smp/],
  ['--smp', /--smp <harts>.* argument missing/],
  ['--memory 1X', /--memory: "1X" is not a size such as 64M/],
  ['--memory 1K', /--memory: "1K" is not a size from 1M to 2G/],
  ['--memory 4G', /--memory/],
  ['--bogus', /unknown option '--bogus'/],
  ['--max-instructions -1', /--max-instructions/],
  ['--ns-per-instruction 0', /--ns-per-instruction/],
  ['--paced --unpaced', /'--paced' cannot be used with option '--unpaced'/],
  ['--escape ^^^', /--escape/],
  ['--uart 8251', /--uart: there is no part "8251" \(known: 8250, /],
  ['--uart-fault lazy', /--uart-fault: there is no fault "lazy" \(known: lost-thre\)/],
  ['--backlog many', /--backlog/],
  ['--serial modem', /serial "modem": unknown kind; known: stdio, pty/],
  ['--serial tcp:nowhere', /expected HOST:PORT/],
  ['--serial tcp:127.0.0.1:99999', /expected HOST:PORT/],
  ['--serial tcp:127.0.0.1:1,servant', /unknown option "servant" \(known: server\)/],
  ['--serial file:', /the path is missing/],
  ['--serial /dev/ttyS0,0n8', /"0n8" is neither a rate/],
  ['--serial /dev/ttyS0,115200x8', /"115200x8" is neither a rate/],
  ['--serial /dev/ttyNone', /cannot open \/dev\/ttyNone: there is no such port/],
  ['--serial pty:/no/such/dir/x', /cannot make the link .*: there is no folder \/no\/such\/dir/],
  ['--serial pipe:/no/such/pipe', /mkfifo \/no\/such\/pipe/],
  ['--serial null --serial null --serial null --serial null --serial null', /at most four, not 5/],
  ['--serial stdio --serial stdio', /more than one needs a terminal/],
  ['--log 1=x', /there is no serial 1: give --serial 2 times/],
  ['--log 7=x', /there are serials 0 to 3, not 7/],
  ['--log /no/such/dir/x', /cannot write \/no\/such\/dir\/x: ENOENT/],
  ['--trace-file /no/such/dir/x', /cannot write \/no\/such\/dir\/x: ENOENT/],
];

const PROGRAMS: readonly (readonly [string, RegExp])[] = [
  ['missing.elf', /missing\.elf: no such file/],
  ['empty.elf', /empty\.elf: /],
  ['text.elf', /text\.elf: not an ELF file/],
  ['truncated.elf', /truncated\.elf: /],
  ['arm.elf', /arm\.elf: .*ARM/i],
  ['shared.elf', /shared\.elf: /],
  ['elf64.elf', /elf64\.elf: .*64/],
  ['folder.elf', /folder\.elf: /],
];

function expectOneLine(result: Awaited<ReturnType<typeof printkit>>, message: RegExp) {
  expect(result.stderr).toMatch(message);
  expect(result.stderr).toMatch(/^printkit: [^\n]+\n$/);
  expect(result.stdout).toBe('');
  expect(result.code).toBe(125);
}

describe('options', () => {
  it.concurrent.each(OPTIONS)('%s', async (options, message) => {
    expectOneLine(await printkit(['run', file('good.elf'), ...options.split(' ')]), message);
  });
});

describe('programs', () => {
  it.concurrent.each(PROGRAMS)('%s', async (name, message) => {
    expectOneLine(await printkit(['run', file(name)]), message);
  });

  it('that do not fit into memory', async () => {
    const big = guestElf(folder, 'big.elf', `${exitWith(0)}\n.zero 0x200000\n`);
    expectOneLine(await printkit(['run', '--memory', '1M', big]), /outside of RAM/);
  });
});

describe('files in the way', () => {
  it('a link path that is not ours', async () => {
    const result = await printkit(['run', '--serial', `pty:${file('taken')}`, file('good.elf')]);
    expectOneLine(result, /taken: it exists; remove it or use another path/);
    expect(fs.existsSync(file('taken'))).toBe(true);
  });

  it('a unix socket path that is not a socket', async () => {
    const spec = `unix:${file('taken')},server`;
    const result = await printkit(['run', '--serial', spec, file('good.elf')]);
    expectOneLine(result, /the file exists and is not a socket/);
  });

  it('a pipe that is a file', async () => {
    const result = await printkit(['run', '--serial', `pipe:${file('taken')}`, file('good.elf')]);
    expectOneLine(result, /it is not one/);
  });
});

describe('commands', () => {
  it('that do not exist', async () => {
    expectOneLine(await printkit(['boot']), /unknown command 'boot'/);
  });

  it('objdump of a symbol that is not there', async () => {
    expectOneLine(
      await printkit(['objdump', 'no_such_symbol', '--elf', file('good.elf')]),
      /symbol/,
    );
  });

  it('two programs', async () => {
    expectOneLine(await printkit(['run', 'a', 'b']), /too many arguments/i);
  });
});
