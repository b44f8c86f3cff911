// What the readers of this folder make of a kernel's log, whatever the store that kept it.

/** Names of levels, as dmesg --level knows them. */
export const LEVELS = ['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug'] as const;

export interface LogRecord {
  readonly seq: bigint;
  /** Nanoseconds since boot; undefined if the record has not got its time yet. */
  readonly tsNsec: bigint | undefined;
  readonly level: number;
  readonly facility: number;
  /** Pid, or 0x80000000 + CPU; undefined if the kernel did not keep it. */
  readonly callerId: number | undefined;
  /** As stored, without a newline at the end. */
  readonly text: Uint8Array;
  /**
   * The record lay in a buffer of this CPU and had not been brought into the log: its place among the
   * others is not known.
   */
  readonly unflushed?: { readonly cpu: number; readonly context: 'nmi' | 'safe' };
}

export interface KernelLog {
  /** Name of the store that kept it. */
  readonly store: 'lockless' | 'logbuf' | 'safe' | 'percpu' | 'spill';
  /** Oldest first. */
  readonly records: readonly LogRecord[];
  /** Records that were being written, so that their text is not there (yet). */
  readonly incomplete: number;
  /** Messages for which there was no room, and of which the log does not tell yet. */
  readonly lost: number;
}
