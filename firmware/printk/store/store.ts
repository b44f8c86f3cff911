// Where a record is stored: the interface between printk() and the designs that keep its records.
// Which design is in use is decided at boot (stores.ts), and nothing outside this folder knows it.
//
// A writer calls begin(), formats its text, reserves room for it, copies it in, commits it, and calls
// end(): all with interrupts off, in any context, NMIs too. A reader asks for records by sequence
// number and gets copies. Each design says from which contexts that is safe, and what it loses.

import { READ_ONCE8, WRITE_ONCE8 } from '../../arch/atomic';

/** Longest text of a record; the rest is cut off. Linux's PRINTKRB_RECORD_MAX. */
export const LOG_LINE_MAX: u32 = 992;

/** caller_id of who is no task: this bit and the CPU. */
export const CALLER_CPU: u32 = 0x80000000;

// printk_info flags.
/** The text ended with a newline, which is not stored. */
export const LOG_NEWLINE: u32 = 2;
/** The text is a fragment whose beginning is in an earlier record. */
export const LOG_CONT: u32 = 8;

/** What is known of a record besides its text: struct printk_info of Linux on a 32-bit machine. */
@unmanaged
export class printk_info {
  seq: u64;
  /** local_clock() when printk() was entered. */
  ts_nsec: u64;
  text_len: u16;
  /** 0 for the kernel, 1 and up for what was written to /dev/kmsg. */
  facility: u8;
  /** Bits 0 to 4 flags, 5 to 7 level, as a C compiler packs them. */
  flags_level: u8;
  /** Pid of the task that printed, or 0x80000000 plus the CPU if it was none. */
  caller_id: u32;
  /** dev_info: two C strings, subsystem[16] and device[48]. */
  subsystem0: u64;
  subsystem1: u64;
  device0: u64;
  device1: u64;
  device2: u64;
  device3: u64;
  device4: u64;
  device5: u64;
}
/** What comes before dev_info. */
export const PRINTK_INFO_HEAD: usize = 24;
/** dev_info: two C strings, each filled up with zeros; the first one is empty if there is no device. */
export const DEV_INFO_SIZE: usize = 64;
export const DEV_INFO_SUBSYSTEM_SIZE: u32 = 16;
export const DEV_INFO_DEVICE_SIZE: u32 = 48;

function flags_level(info: printk_info): usize {
  return changetype<usize>(info) + offsetof<printk_info>('flags_level');
}

export function info_level(info: printk_info): u32 {
  return READ_ONCE8(flags_level(info)) >> 5;
}

export function info_flags(info: printk_info): u32 {
  return READ_ONCE8(flags_level(info)) & 31;
}

export function set_info_level_flags(info: printk_info, level: u32, flags: u32): void {
  WRITE_ONCE8(flags_level(info), (level << 5) | (flags & 31));
}

export function set_info_flag(info: printk_info, flag: u32): void {
  WRITE_ONCE8(flags_level(info), READ_ONCE8(flags_level(info)) | flag);
}

function dev_info(info: printk_info): usize {
  return changetype<usize>(info) + PRINTK_INFO_HEAD;
}

/** Where a record's dev_info is; 0 if it has none. */
export function info_dev(info: printk_info): usize {
  return load<u8>(dev_info(info)) != 0 ? dev_info(info) : 0;
}

/** `dev`: DEV_INFO_SIZE bytes, or 0. */
export function set_info_dev(info: printk_info, dev: usize): void {
  if (dev != 0) memory.copy(dev_info(info), dev, DEV_INFO_SIZE);
  else {
    // Empty strings.
    store<u8>(dev_info(info), 0);
    store<u8>(dev_info(info) + <usize>DEV_INFO_SUBSYSTEM_SIZE, 0);
  }
}

/** A write under way. The writer's own: one per CPU, context and depth of printk() (printk.ts). */
@unmanaged
export class reserved_entry {
  /** Where the writer formats: LOG_LINE_MAX bytes of its own, unless begin() gives other ones. */
  buffer: usize;
  /** For reserve(): the device that the message is about, DEV_INFO_SIZE bytes; 0 if it is about none. */
  dev: usize;
  /** From reserve(): where the text goes, and how much of it there is room for. */
  text: usize;
  text_size: u32;
  /**
   * From reserve(): for the writer to fill in, but for seq and dev_info. text_len is what was there before: 0, or
   * after reserve_in_last() the length of the record so far, behind which `text` points.
   */
  info: printk_info;
  /** From begin(): the message is kept aside, for the log to get it later. Nothing is to be printed. */
  aside: bool;
  /** From begin(): the message is in the log, but this context must not print it. */
  deferred: bool;
  /** The store's own. */
  press: bool;
  record: usize;
  id: u32;
}

/** A record as a reader gets it: a copy. */
@unmanaged
export class printk_record {
  info: printk_info;
  text: usize;
  text_size: u32;
}

@unmanaged
export class printk_store {
  name: string;
  /** An NMI has come, and nothing has been printed in it. */
  nmi_enter: () => void;
  /** Before formatting. False: this context cannot store, the message is lost; no end() then. */
  begin: (entry: reserved_entry) => bool;
  /** Makes room for `size` bytes of text in a new record. False if that is impossible. */
  reserve: (entry: reserved_entry, size: u32) => bool;
  /**
   * Makes room behind the newest record's text. False, and nothing is changed, unless that record is
   * open, of the same caller, and does not get longer than LOG_LINE_MAX.
   */
  reserve_in_last: (entry: reserved_entry, caller_id: u32, size: u32) => bool;
  /** The record is complete, but stays open for its caller until somebody else stores one. */
  commit: (entry: reserved_entry) => void;
  /** The record is complete: readers get it. */
  final_commit: (entry: reserved_entry) => void;
  end: (entry: reserved_entry) => void;
  /** Copies the first finalized record whose seq is at least `seq`. False if there is none yet. */
  read: (seq: u64, record: printk_record) => bool;
  /** Oldest record still kept, and the one after the last that can be read. */
  first_seq: () => u64;
  next_seq: () => u64;
  /** SYSLOG_ACTION_CLEAR: records before that number are not asked for any more. Task context. */
  clear: (seq: u64) => void;
  /** In an oops or panic, on the CPU that has it: makes locks usable whose owners do not run any more. */
  bust_locks: () => void;
  /** Brings into the log what was kept aside. In a panic; no lock may be waited for. */
  flush: () => void;
  /** Tells crash tools where its data is, by functions of vmcoreinfo.ts. Boot CPU. */
  vmcoreinfo: () => void;
}

function nothing(): void {}
function always(entry: reserved_entry): bool {
  return true;
}
function no_clear(seq: u64): void {}
function no_end(entry: reserved_entry): void {}

/** What a store does unless it says otherwise: nothing. */
export function store_defaults(store: printk_store): void {
  store.nmi_enter = nothing;
  store.begin = always;
  store.end = no_end;
  store.clear = no_clear;
  store.bust_locks = nothing;
  store.flush = nothing;
  store.vmcoreinfo = nothing;
}
