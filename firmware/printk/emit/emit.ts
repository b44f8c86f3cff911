// Who puts stored records on the wire, and when: the interface between printk() and those designs.
// Which one is in use is decided at boot, independently of the store.

@unmanaged
export class printk_emitter {
  name: string;
  /** printk() has stored a record. Any context that printk() may be called in. */
  stored: () => void;
  /** The system is dying, the other CPUs are stopped: get everything out. */
  flush_on_panic: () => void;
}
