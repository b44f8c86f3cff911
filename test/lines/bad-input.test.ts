// Places that cannot be had: one line on stderr that says what and where, nothing on stdout, exit code
// 125, and nothing left behind. (What is wrong with the words themselves: test/cli/bad-input.test.ts.)

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { exitWith, guestElf, scratchFolder } from '../cli/guest.ts';
import { CLI, ensureBuilt, printkit } from '../cli/printkit.ts';
import { present, Program, until } from './peers.ts';

ensureBuilt();
const folder = scratchFolder();
const guest = guestElf(folder, 'off.elf', exitWith(0));
const place = (name: string) => path.join(folder, name);

async function expectRefusal(spec: string, message: RegExp): Promise<void> {
  const { code, stdout, stderr } = await printkit(['run', '--serial', spec, guest]);
  expect(stderr).toMatch(message);
  expect(stderr).toMatch(/^printkit: [^\n]+\n$/);
  expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
}

async function listening(address: net.ListenOptions): Promise<net.Server> {
  const server = net.createServer().listen(address);
  await new Promise((resolve) => server.once('listening', resolve));
  return server;
}

describe('a place that is taken', () => {
  it('a TCP port', async () => {
    const server = await listening({ port: 0, host: '127.0.0.1' });
    const { port } = server.address() as net.AddressInfo;
    for (const kind of [`tcp:127.0.0.1:${port},server`, `telnet:127.0.0.1:${port}`]) {
      await expectRefusal(kind, /cannot listen on \w+ 127\.0\.0\.1:\d+: the address is in use/);
    }
    server.close();
  });

  it('a unix socket', async () => {
    const server = await listening({ path: place('socket') });
    await expectRefusal(`unix:${place('socket')},server`, /socket: the address is in use/);
    expect(fs.existsSync(place('socket'))).toBe(true);
    server.close();
  });
});

describe('a place that is not there', () => {
  it.each([
    ['pty:/no/such/dir/x', /cannot make the link \/no\/such\/dir\/x: there is no folder/],
    ['/no/such/port', /cannot open \/no\/such\/port: there is no such port/],
    ['unix:/no/such/dir/x,server', /cannot listen on unix:\/no\/such\/dir\/x: /],
    ['file:/no/such/dir/x', /cannot write \/no\/such\/dir\/x: ENOENT/],
    ['pipe:/no/such/dir/x', /cannot open the pipe \/no\/such\/dir\/x/],
    ['tcp:192.0.2.1:4555,server', /cannot listen on tcp 192\.0\.2\.1:4555: this host has no such/],
    ['tcp:no.such.host.invalid:1,server', /cannot listen on tcp no\.such\.host\.invalid:1: /],
  ])('%s', expectRefusal);

  it('the second serial, when the first one has been made: it is cleaned up', async () => {
    const link = place('first');
    const args = ['--serial', `pty:${link}`, '--serial', '/no/such/port'];
    const { code, stderr } = await printkit(['run', ...args, guest]);
    expect(code).toBe(125);
    expect(stderr).toMatch(/\nprintkit: cannot open \/no\/such\/port[^\n]*\n$/);
    expect(fs.lstatSync(link, { throwIfNoEntry: false })).toBeUndefined();
  });
});

/** An ordinary user, as which root can try what is forbidden. */
const NOBODY = 65534;
const root = process.getuid?.() === 0;
if (!root) console.warn('skipped: only root can make something forbidden to others');

describe.runIf(root)('a place that is forbidden', () => {
  it.each([
    ['/dev/ttyS0', /permission denied.*dialout|no such port/],
    [`pty:${folder}/x`, /cannot make the link .*: (EACCES|permission denied)/],
    [`file:${folder}/x`, /cannot write .*EACCES/],
    [`unix:${folder}/x,server`, /permission denied/],
  ])('%s', (spec, message) => {
    fs.chmodSync(folder, 0o755);
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [CLI, 'run', '--serial', spec, guest],
      { uid: NOBODY, gid: NOBODY, encoding: 'utf8', timeout: 20_000 },
    );
    expect(stderr).toMatch(/^printkit: [^\n]+\n$/);
    expect(stderr).toMatch(message);
    expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
  });
});

describe.runIf(present('socat'))('on a terminal', () => {
  it('bad input leaves the terminal as it was', async () => {
    const script = `stty -g; ${process.execPath} ${CLI} run --serial stdio --serial /no/such/port ${guest}; echo "code $?"; stty -g`;
    fs.writeFileSync(place('script'), script);
    const terminal = new Program('socat', [
      `EXEC:sh ${place('script')},pty,stderr,setsid,ctty`,
      '-',
    ]);
    await until(() => /code \d+\s+\S+\s/.test(terminal.text), 'the end');
    const lines = terminal.text.trim().split(/\r?\n/);
    expect(lines).toHaveLength(4);
    expect(lines[1]).toMatch(/^printkit: cannot open \/no\/such\/port/);
    expect(lines[2]).toBe('code 125');
    expect(lines[3]).toBe(lines[0]);
    await terminal.kill();
  });
});
