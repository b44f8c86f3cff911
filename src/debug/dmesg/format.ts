// Shows records as the command dmesg of util-linux does. As on a console, and unlike there, each line of
// a record with several has the prefix, and lines keep the spaces that they begin with.

import { LEVELS, type KernelLog, type LogRecord } from './log-record.ts';

/** Names of facilities; those that have no name are shown by number. */
const FACILITIES = [
  'kern',
  'user',
  'mail',
  'daemon',
  'auth',
  'syslog',
  'lpr',
  'news',
  'uucp',
  'cron',
  'authpriv',
  'ftp',
] as const;

export interface FormatOptions {
  /** `<prio>` in front, and nothing decoded. */
  readonly raw?: boolean;
  /** Names of facility and level in front. */
  readonly decode?: boolean;
  /** No time stamps. */
  readonly notime?: boolean;
  /** Who printed: `[    T1]`, `[    C0]`. */
  readonly caller?: boolean;
}

const NSEC_PER_USEC = 1000n;
const USEC_PER_SEC = 1_000_000n;
const CALLER_CPU = 0x8000_0000;

const facilityName = (n: number): string => FACILITIES[n] ?? `${n}`;

/** The lines of a record, without newlines at their ends. */
export function formatRecord(record: LogRecord, options: FormatOptions = {}): string[] {
  const prefix = prefixOf(record, options);
  return printable(record.text)
    .split('\n')
    .map((line) => prefix + line);
}

function prefixOf(record: LogRecord, { raw, decode, notime, caller }: FormatOptions): string {
  const { facility, level, unflushed, callerId } = record;
  let prefix = '';
  if (raw === true) prefix += `<${facility * 8 + level}>`;
  else if (decode === true) {
    prefix += `${facilityName(facility).padEnd(6)}:${(LEVELS[level] ?? '').padEnd(6)}: `;
  }
  const time = notime === true ? '' : `[${seconds(record.tsNsec)}]`;
  const who = caller === true && callerId !== undefined ? `[${callerName(callerId)}]` : '';
  if (time !== '' || who !== '') prefix += `${time}${who} `;
  if (unflushed !== undefined) prefix += `(${unflushed.context}, CPU ${unflushed.cpu}) `;
  return prefix;
}

/** `%5lu.%06lu`, as the kernel shows it. */
function seconds(tsNsec: bigint | undefined): string {
  if (tsNsec === undefined) return '    ?.??????';
  const usec = tsNsec / NSEC_PER_USEC;
  const fraction = String(usec % USEC_PER_SEC).padStart(6, '0');
  return `${String(usec / USEC_PER_SEC).padStart(5)}.${fraction}`;
}

function callerName(id: number): string {
  const name = id >= CALLER_CPU ? `C${id - CALLER_CPU}` : `T${id}`;
  return name.padStart(6);
}

/** A terminal shall not obey a log: control characters, and what is no UTF-8, come as \xNN. */
function printable(text: Uint8Array): string {
  const hex = (byte: number) => `\\x${byte.toString(16).padStart(2, '0')}`;
  const escape = (part: string) =>
    // eslint-disable-next-line no-control-regex
    part.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, (c) =>
      [...new TextEncoder().encode(c)].map(hex).join(''),
    );
  try {
    return escape(new TextDecoder('utf-8', { fatal: true }).decode(text));
  } catch {
    return [...text]
      .map((byte) => (byte < 0x80 ? escape(String.fromCharCode(byte)) : hex(byte)))
      .join('');
  }
}

/** The log as dmesg --json has it, with what a core file tells besides. */
export function formatJson(log: KernelLog, records: readonly LogRecord[] = log.records): string {
  const dmesg = records.map((record) => ({
    seq: Number(record.seq),
    fac: facilityName(record.facility),
    pri: LEVELS[record.level],
    time: record.tsNsec === undefined ? null : Number(record.tsNsec / NSEC_PER_USEC) / 1e6,
    ...(record.callerId === undefined ? {} : { caller: callerName(record.callerId).trim() }),
    msg: printable(record.text),
    ...(record.unflushed === undefined ? {} : { unflushed: record.unflushed }),
  }));
  return JSON.stringify(
    { store: log.store, incomplete: log.incomplete, lost: log.lost, dmesg },
    null,
    3,
  );
}
