// The ports through which a device model meets its board: a clock of virtual time, an interrupt
// line and a register window. Everything a device needs from outside is injected through these;
// no device imports Node, a wall clock or the machine.

/** A single-shot timer in virtual time, created once per purpose and saved by its deadline. */
export interface Timer {
  /** Virtual time in ns at which the timer expires, or `Infinity` while it is idle. */
  readonly deadline: number;
  /** Arms (or re-arms) the timer for an absolute virtual time in ns; a past time expires next. */
  set(atNs: number): void;
  /** Disarms the timer. */
  cancel(): void;
}

/**
 * Virtual time as a device sees it. Timers that expire at the same ns do so in the order in which
 * they were created, so a restored machine repeats the original order.
 */
export interface Clock {
  /** Current virtual time in ns (an integer below 2^53). */
  readonly now: number;
  /** Creates an idle timer. `name` (e.g. `uart0.tx`) identifies it in saved state and traces. */
  timer(name: string, expire: () => void): Timer;
}

/** Drives a level-sensitive interrupt line; called on every change of level, never twice alike. */
export type InterruptLine = (asserted: boolean) => void;

/** Width of a bus access in bytes. */
export type AccessBytes = 1 | 2 | 4;

/**
 * A register window on the bus. The bus has checked alignment, range and width before it calls.
 * Values are unsigned and no wider than the access.
 */
export interface BusDevice {
  read(offset: number, bytes: AccessBytes): number;
  write(offset: number, bytes: AccessBytes, value: number): void;
}

/** A device whose whole state is one plain, versioned, structured-clone-able struct. */
export interface Stateful<State> {
  save(): State;
  /** @throws RangeError when the struct's version is not one that this model knows. */
  restore(state: State): void;
}
