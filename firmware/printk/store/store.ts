// Where a record is stored: the interface between printk() and the designs that keep its records.
// Which design is in use is decided at boot, and nothing outside this folder knows it.
//
// A writer measures its text, reserves a record of that size, formats into it and commits it. A
// reader asks for records by sequence number. Each design says from which contexts that is safe.

/** What is known of a record besides its text. */
@unmanaged
export class printk_info {
  seq: u64;
  /** local_clock() when printk() was entered. */
  ts_nsec: u64;
  text_len: u32;
  level: u32;
  /** CPU that printed, plus 0x80000000 unless it was a task; then its pid. */
  caller_id: u32;
}

/** A reservation: filled in by reserve(), used by the writer, given back with commit(). */
@unmanaged
export class reserved_entry {
  /** Where the text goes, and how much of it there is room for. */
  text: usize;
  text_size: u32;
  /** For the writer to fill in; the store fills in seq. */
  info: printk_info;
  /** The store's own: the record, and the interrupt state to restore. */
  record: usize;
  irqflags: u32;
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
  /** Makes room for `text_size` bytes. False: the message is lost, and counted by the caller. */
  reserve: (entry: reserved_entry, text_size: u32) => bool;
  commit: (entry: reserved_entry) => void;
  /** Copies the first record whose seq is at least `seq`. False if there is none yet. */
  read: (seq: u64, record: printk_record) => bool;
  /** Oldest record still kept, and the number that the next one will get. */
  first_seq: () => u64;
  next_seq: () => u64;
  /** Makes the locks of a crashed system usable for the one CPU that is still running. */
  bust_locks: () => void;
}
