// What `--serial` and `--mirror` may say: the kinds of ends as a table, parsed into descriptions.
// Making an end from its description loads no more than that kind needs.

import { PrintkitError } from '../errors.ts';
import type { LineSettings } from '../../devices/uart8250/line.ts';
import type { End } from './end.ts';

export type EndSpec =
  | { kind: 'stdio' }
  | { kind: 'null' }
  | { kind: 'pty'; link: string | undefined }
  | { kind: 'file'; path: string; append: boolean }
  | { kind: 'pipe'; path: string }
  | { kind: 'socket'; address: SocketSpec; server: boolean; telnet: boolean }
  | { kind: 'port'; path: string; settings: LineSettings; fixed: boolean; rtscts: boolean };

type SocketSpec = { host: string; port: number } | { path: string };

/** Forms of a serial specification, for help texts. */
export const END_FORMS: readonly { readonly form: string; readonly help: string }[] = [
  { form: 'stdio', help: 'this terminal, or standard input and output' },
  { form: 'pty[:LINK]', help: 'a pseudo terminal, with a symbolic link if wanted' },
  {
    form: '/dev/ttyX[,115200n8][,fixed][,rtscts]',
    help: 'a real serial port; fixed: keep these settings whatever the guest programs',
  },
  { form: 'tcp:HOST:PORT[,server]', help: 'a TCP connection' },
  { form: 'telnet:HOST:PORT[,client]', help: 'a telnet server (RFC 854, parts of RFC 2217)' },
  { form: 'unix:PATH[,server]', help: 'a unix socket' },
  { form: 'file:PATH[,append]', help: 'output into a file' },
  { form: 'pipe:PATH', help: 'named pipes PATH.in and PATH.out, or PATH for output' },
  { form: 'null', help: 'nothing' },
];

function bad(text: string, why: string): PrintkitError {
  return new PrintkitError(`serial "${text}": ${why}`);
}

/** Splits `a,b,c` into the value and its flags, refusing flags that mean nothing here. */
function flagsOf(text: string, rest: string, known: readonly string[]): [string, Set<string>] {
  const [value, ...flags] = rest.split(',') as [string, ...string[]];
  for (const flag of flags) {
    if (known.includes(flag)) continue;
    const choice = known.length === 0 ? 'none is possible here' : `known: ${known.join(', ')}`;
    throw bad(text, `unknown option "${flag}" (${choice})`);
  }
  return [value, new Set(flags)];
}

export function parseEndSpec(text: string): EndSpec {
  if (text.startsWith('/') || text.startsWith('./') || /^COM\d+(,|$)/.test(text)) {
    return parsePort(text);
  }
  const colon = text.indexOf(':');
  const kind = colon < 0 ? text.split(',')[0] : text.slice(0, colon);
  const rest = colon < 0 ? '' : text.slice(colon + 1);
  switch (kind) {
    case 'stdio':
    case 'null':
      if (text !== kind) throw bad(text, `${kind} takes nothing behind it`);
      return { kind };
    case 'pty':
      if (text !== 'pty' && rest === '') throw bad(text, 'the path of the link is missing');
      return { kind, link: rest === '' ? undefined : rest };
    case 'file': {
      const [path, flags] = flagsOf(text, rest, ['append']);
      if (path === '') throw bad(text, 'the path is missing');
      return { kind, path, append: flags.has('append') };
    }
    case 'pipe':
      if (rest === '') throw bad(text, 'the path is missing');
      return { kind, path: rest };
    case 'unix': {
      const [path, flags] = flagsOf(text, rest, ['server']);
      if (path === '') throw bad(text, 'the path is missing');
      return { kind: 'socket', address: { path }, server: flags.has('server'), telnet: false };
    }
    case 'tcp': {
      const [address, flags] = flagsOf(text, rest, ['server']);
      const server = flags.has('server');
      return { kind: 'socket', address: parseAddress(text, address), server, telnet: false };
    }
    case 'telnet': {
      const [address, flags] = flagsOf(text, rest, ['server', 'client']);
      const server = !flags.has('client');
      return { kind: 'socket', address: parseAddress(text, address), server, telnet: true };
    }
    default:
      throw bad(text, `unknown kind; known: ${END_FORMS.map(({ form }) => form).join(', ')}`);
  }
}

function parseAddress(text: string, address: string): SocketSpec {
  const match = /^(.*):(\d{1,5})$/.exec(address);
  const port = Number(match?.[2] ?? NaN);
  if (match === null || !(port <= 65535)) throw bad(text, 'expected HOST:PORT');
  const host = match[1].replace(/^\[(.*)\]$/, '$1');
  return { host: host === '' ? '127.0.0.1' : host, port };
}

function parsePort(text: string): EndSpec {
  const [path, ...parts] = text.split(',') as [string, ...string[]];
  let settings: LineSettings = { baud: 115200, dataBits: 8, parity: 'none', stopBits: 1 };
  let rtscts = false;
  let fixed = false;
  for (const part of parts) {
    if (part === 'rtscts') rtscts = true;
    else if (part === 'fixed') fixed = true;
    else {
      const parsed = parseSettingsText(part);
      if (parsed === undefined) {
        throw bad(text, `"${part}" is neither a rate such as 115200n8 nor fixed nor rtscts`);
      }
      settings = parsed;
    }
  }
  return { kind: 'port', path, settings, fixed, rtscts };
}

const PARITIES = { n: 'none', o: 'odd', e: 'even', m: 'mark', s: 'space' } as const;

/** Parses `115200`, `115200n8`, `9600e7`, `300n81.5`. */
export function parseSettingsText(text: string): LineSettings | undefined {
  const match = /^(\d{1,8})(?:([noems])([5-8])(1|1\.5|2)?)?$/i.exec(text);
  const baud = Number(match?.[1] ?? 0);
  if (match === null || baud === 0) return undefined;
  return {
    baud,
    parity: PARITIES[(match[2] ?? 'n').toLowerCase() as keyof typeof PARITIES],
    dataBits: Number(match[3] ?? 8) as 5 | 6 | 7 | 8,
    stopBits: Number(match[4] ?? 1) as 1 | 1.5 | 2,
  };
}

/** Makes any end but `stdio`, which the command line owns. */
export async function makeEnd(
  spec: Exclude<EndSpec, { kind: 'stdio' }>,
  backlogBytes: number,
): Promise<End> {
  switch (spec.kind) {
    case 'null': {
      const { NullEnd } = await import('./null.ts');
      return new NullEnd();
    }
    case 'file': {
      const { FileEnd } = await import('./null.ts');
      return new FileEnd(spec.path, { append: spec.append, stamps: false, log: false });
    }
    case 'pipe': {
      const { PipeEnd } = await import('./pipe.ts');
      return new PipeEnd(spec.path);
    }
    case 'pty': {
      const { PtyEnd } = await import('./pty.ts');
      return new PtyEnd({ link: spec.link, backlogBytes });
    }
    case 'socket': {
      const { SocketEnd } = await import('./socket.ts');
      const { address, server, telnet } = spec;
      return new SocketEnd({ address, server, telnet, backlogBytes });
    }
    case 'port': {
      const { SerialDeviceEnd } = await import('./serial-device.ts');
      const { path, settings, fixed, rtscts } = spec;
      return new SerialDeviceEnd({ path, settings, fixed, rtscts });
    }
  }
}
