// The serial line: what runs between a UART and whatever is attached to its pins. Characters with
// their errors, BREAK and modem signals, in both directions, each at the virtual time of the call.
// Follows no driver API; RS-232 names from the UART's (DTE) side. Leaves out bit-level waveforms.

/** Pins that the UART drives. `true` = active (a low pin on the chip). */
export interface ModemOutputs {
  readonly dtr: boolean;
  readonly rts: boolean;
  readonly out1: boolean;
  readonly out2: boolean;
}

/** Pins that the far end drives. `true` = active. */
export interface ModemInputs {
  readonly cts: boolean;
  readonly dsr: boolean;
  readonly ri: boolean;
  readonly dcd: boolean;
}

export type Parity = 'none' | 'odd' | 'even' | 'mark' | 'space';

/** Rate and word format, reported once they have settled. */
export interface LineSettings {
  /** Bits per second: clock / (16 × divisor); rarely an integer, never 0. */
  readonly baud: number;
  readonly dataBits: 5 | 6 | 7 | 8;
  readonly parity: Parity;
  readonly stopBits: 1 | 1.5 | 2;
}

/** A character on its way into the UART. */
export interface ReceivedCharacter {
  /** Data bits; bits above the UART's word length are dropped. */
  readonly byte: number;
  readonly parityError?: boolean;
  readonly framingError?: boolean;
  /**
   * A BREAK of just over one frame: arrives as a single 0x00 with BI and FE, whatever `byte` says.
   * For a BREAK with a length see {@link LinePort.setBreak}.
   */
  readonly breakCondition?: boolean;
}

/**
 * What a UART tells its line. All calls come at the current virtual time, never while the line
 * itself is inside a call to the {@link LinePort} that could recurse without end; implementations
 * must not throw and must not block. A line may call its port from inside these.
 */
export interface SerialLine {
  /** The UART has been attached; `port` is the way in. Settings and signals follow at once. */
  connected?(port: LinePort): void;
  /** The UART has let go; the port must no longer be used. */
  disconnected?(): void;
  /**
   * The last stop bit of a character has left. Never called while the line is not ready (see
   * {@link LinePort.setReady}), so what arrives here must be taken.
   */
  transmit(byte: number): void;
  /** BREAK has been on the wire for a whole frame (`true`), or has ended. Shorter ones are hidden. */
  breakChanged?(on: boolean): void;
  modemChanged?(outputs: ModemOutputs): void;
  /** Comes before the first character that is sent with the new settings. */
  settingsChanged?(settings: LineSettings): void;
  /** After {@link LinePort.receive} refused a character: half of the input queue is free again. */
  receiveReady?(room: number): void;
}

/** What the far end does to a UART. Every call is an outside input at the current virtual time. */
export interface LinePort {
  /** Characters that {@link receive} will take at this moment. */
  readonly receiveRoom: number;
  /**
   * Puts a character at the end of the input queue; queued characters arrive one frame time apart.
   * @returns false, with nothing queued, when the queue is full.
   */
  receive(character: ReceivedCharacter): boolean;
  /**
   * The wire goes to (or leaves) BREAK after what is already queued. A BREAK shorter than a frame
   * is not seen; a longer one gives a single 0x00 with BI, and nothing follows until it ends.
   */
  setBreak(on: boolean): void;
  /** Changes the given modem inputs, leaves the others. */
  setModemInputs(inputs: Partial<ModemInputs>): void;
  /**
   * Back-pressure. While not ready, a character whose frame has ended stays in the UART's shift
   * register, and those behind it stay in its FIFO: nothing is lost, TEMT and THRE tell the guest.
   */
  setReady(ready: boolean): void;
  /**
   * Whether the far end stops sending while RTS is inactive. Off by default, as guests without
   * flow control leave RTS inactive; automatic RTS of the UART is always obeyed.
   */
  setRtsFlow(on: boolean): void;
  /** Fault injection: one character is lost to an overrun, as if the guest had been late. */
  injectOverrun(): void;
}

/** A {@link LinePort} call as data, for recording with a virtual time stamp and for replay. */
export type LineInput =
  | { readonly kind: 'receive'; readonly character: ReceivedCharacter }
  | { readonly kind: 'break'; readonly on: boolean }
  | { readonly kind: 'modem'; readonly inputs: Partial<ModemInputs> }
  | { readonly kind: 'ready'; readonly ready: boolean }
  | { readonly kind: 'rtsFlow'; readonly on: boolean }
  | { readonly kind: 'overrun' };

/** Replays one recorded input. @returns false when a character was refused (queue full). */
export function applyLineInput(port: LinePort, input: LineInput): boolean {
  switch (input.kind) {
    case 'receive':
      return port.receive(input.character);
    case 'break':
      port.setBreak(input.on);
      return true;
    case 'modem':
      port.setModemInputs(input.inputs);
      return true;
    case 'ready':
      port.setReady(input.ready);
      return true;
    case 'rtsFlow':
      port.setRtsFlow(input.on);
      return true;
    case 'overrun':
      port.injectOverrun();
      return true;
  }
}

/**
 * A port that hands every accepted input to `record` before it takes effect. Give it to a line in
 * place of the UART to record a run.
 */
export function recordingPort(port: LinePort, record: (input: LineInput) => void): LinePort {
  const input = (entry: LineInput): boolean => {
    record(entry);
    return applyLineInput(port, entry);
  };
  return {
    get receiveRoom() {
      return port.receiveRoom;
    },
    receive: (character) =>
      port.receiveRoom > 0 ? input({ kind: 'receive', character }) : port.receive(character),
    setBreak: (on) => void input({ kind: 'break', on }),
    setModemInputs: (inputs) => void input({ kind: 'modem', inputs }),
    setReady: (ready) => void input({ kind: 'ready', ready }),
    setRtsFlow: (on) => void input({ kind: 'rtsFlow', on }),
    injectOverrun: () => void input({ kind: 'overrun' }),
  };
}
