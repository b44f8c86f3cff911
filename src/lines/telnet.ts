// Telnet as a console server speaks it: RFC 854 (IAC, BREAK), 856 (binary), 857 (echo), 858 (no
// go-ahead), and of RFC 2217 (com port control) what a line can tell or be told: BREAK, DTR, RTS
// and modem state. Rate and format are the guest's: requests for others are answered with ours.

import type { LineSettings, ModemInputs, ModemOutputs } from '../../devices/uart8250/line.ts';

const SE = 240;
const BRK = 243;
const SB = 250;
const WILL = 251;
const WONT = 252;
const DO = 253;
const DONT = 254;
const IAC = 255;

const OPT_BINARY = 0;
const OPT_ECHO = 1;
const OPT_SGA = 3;
const OPT_COM_PORT = 44;

/** RFC 2217 commands; a server's answers are 100 higher. */
const SET_BAUDRATE = 1;
const SET_DATASIZE = 2;
const SET_PARITY = 3;
const SET_STOPSIZE = 4;
const SET_CONTROL = 5;
const NOTIFY_MODEMSTATE = 7;
const SERVER = 100;

const CONTROL_BREAK_ON = 5;
const CONTROL_BREAK_OFF = 6;
const CONTROL_DTR_ON = 8;
const CONTROL_DTR_OFF = 9;
const CONTROL_RTS_ON = 11;
const CONTROL_RTS_OFF = 12;

const PARITY_CODES = { none: 1, odd: 2, even: 3, mark: 4, space: 5 } as const;
const STOP_CODES = { 1: 1, 2: 2, 1.5: 3 } as const;

/** Longest sub-negotiation that is looked at; what is longer is skipped. */
const SUBNEGOTIATION_BYTES = 64;

const CR = 13;
const LF = 10;

export interface TelnetSink {
  data(bytes: Uint8Array): void;
  breakReceived(): void;
  modem(inputs: Partial<ModemInputs>): void;
  reply(bytes: Uint8Array): void;
}

type State = 'data' | 'iac' | 'option' | 'sub' | 'sub-iac';

/** One end of a telnet connection; the server offers, a client agrees. */
export class TelnetCodec {
  readonly #sink: TelnetSink;
  #state: State = 'data';
  #verb = 0;
  #sub: number[] = [];
  #afterCr = false;
  /** Options that we do, and that the peer does. */
  readonly #ours = new Set<number>();
  readonly #theirs = new Set<number>();
  readonly #offered = new Set<number>();
  readonly #asked = new Set<number>();
  #settings: LineSettings | undefined;
  #outputs: ModemOutputs | undefined;

  constructor(sink: TelnetSink) {
    this.#sink = sink;
  }

  /** The server's opening: we echo, no go-aheads, eight clean bits both ways. */
  greet(): void {
    for (const option of [OPT_ECHO, OPT_SGA, OPT_BINARY]) {
      this.#offered.add(option);
      this.#say(WILL, option);
    }
    for (const option of [OPT_SGA, OPT_BINARY]) {
      this.#asked.add(option);
      this.#say(DO, option);
    }
  }

  /** Bytes as they go over the wire: 0xFF doubled. */
  encode(bytes: Uint8Array): Uint8Array {
    if (!bytes.includes(IAC)) return bytes;
    const out: number[] = [];
    for (const byte of bytes) {
      out.push(byte);
      if (byte === IAC) out.push(IAC);
    }
    return Uint8Array.from(out);
  }

  /** BREAK towards the peer. */
  encodeBreak(): Uint8Array {
    return Uint8Array.of(IAC, BRK);
  }

  settingsChanged(settings: LineSettings): void {
    this.#settings = settings;
  }

  outputsChanged(outputs: ModemOutputs): void {
    const before = this.#outputs;
    this.#outputs = outputs;
    if (before?.dtr === outputs.dtr && before.rts === outputs.rts) return;
    if (this.#theirs.has(OPT_COM_PORT)) this.#notifyModem();
  }

  decode(bytes: Uint8Array): void {
    const data: number[] = [];
    const flush = () => {
      if (data.length > 0) this.#sink.data(Uint8Array.from(data.splice(0)));
    };
    for (const byte of bytes) {
      if (this.#state !== 'data') {
        this.#command(byte, data, flush);
      } else if (byte === IAC) {
        this.#state = 'iac';
      } else {
        this.#dataByte(byte, data);
      }
    }
    flush();
  }

  /** Outside binary mode, Enter is CR NUL or CR LF (RFC 854): the guest gets CR. */
  #dataByte(byte: number, data: number[]): void {
    const afterCr = this.#afterCr;
    this.#afterCr = byte === CR && !this.#theirs.has(OPT_BINARY);
    if (afterCr && (byte === 0 || byte === LF)) return;
    data.push(byte);
  }

  #command(byte: number, data: number[], flush: () => void): void {
    switch (this.#state) {
      case 'data':
        return;
      case 'iac':
        this.#state = 'data';
        if (byte === IAC) this.#dataByte(IAC, data);
        else if (byte === SB) this.#beginSub();
        else if (byte >= WILL) this.#beginOption(byte);
        else if (byte === BRK) {
          flush(); // BREAK stands between the bytes before and after it
          this.#sink.breakReceived();
        }
        return;
      case 'option':
        this.#state = 'data';
        this.#negotiate(this.#verb, byte);
        return;
      case 'sub':
        if (byte === IAC) this.#state = 'sub-iac';
        else this.#subByte(byte);
        return;
      case 'sub-iac':
        this.#state = byte === SE ? 'data' : 'sub';
        if (byte === SE) {
          flush();
          this.#subnegotiation(this.#sub);
        } else if (byte === IAC) this.#subByte(IAC);
        return;
    }
  }

  #beginSub(): void {
    this.#sub = [];
    this.#state = 'sub';
  }

  #beginOption(verb: number): void {
    this.#verb = verb;
    this.#state = 'option';
  }

  #subByte(byte: number): void {
    if (this.#sub.length < SUBNEGOTIATION_BYTES) this.#sub.push(byte);
  }

  #say(verb: number, option: number): void {
    this.#sink.reply(Uint8Array.of(IAC, verb, option));
  }

  /** RFC 854: answer requests, never an answer; so a change of state is announced once. */
  #negotiate(verb: number, option: number): void {
    const supported = [OPT_BINARY, OPT_SGA, OPT_COM_PORT].includes(option);
    switch (verb) {
      case DO:
        if (this.#ours.has(option)) return;
        if (this.#offered.has(option)) this.#ours.add(option);
        else if (supported) {
          this.#ours.add(option);
          this.#say(WILL, option);
        } else this.#say(WONT, option);
        return;
      case DONT:
        if (this.#ours.delete(option)) this.#say(WONT, option);
        this.#offered.delete(option);
        return;
      case WILL:
        if (this.#theirs.has(option)) return;
        if (this.#asked.has(option)) this.#theirs.add(option);
        else if (supported || option === OPT_ECHO) {
          this.#theirs.add(option);
          this.#say(DO, option);
        } else this.#say(DONT, option);
        if (option === OPT_COM_PORT) this.#notifyModem();
        return;
      default:
        if (this.#theirs.delete(option)) this.#say(DONT, option);
        this.#asked.delete(option);
    }
  }

  #subnegotiation(sub: readonly number[]): void {
    const [option, command, ...value] = sub;
    if (option !== OPT_COM_PORT || command === undefined) return;
    switch (command) {
      case SET_BAUDRATE: {
        const baud = Math.round(this.#settings?.baud ?? 0);
        this.#answer(command, [baud >>> 24, (baud >>> 16) & 255, (baud >>> 8) & 255, baud & 255]);
        return;
      }
      case SET_DATASIZE:
        this.#answer(command, [this.#settings?.dataBits ?? 8]);
        return;
      case SET_PARITY:
        this.#answer(command, [PARITY_CODES[this.#settings?.parity ?? 'none']]);
        return;
      case SET_STOPSIZE:
        this.#answer(command, [STOP_CODES[this.#settings?.stopBits ?? 1]]);
        return;
      case SET_CONTROL:
        this.#control(value[0] ?? 0);
        return;
    }
  }

  /** The peer's DTR and RTS arrive as through a null modem cable. */
  #control(value: number): void {
    switch (value) {
      case CONTROL_BREAK_ON:
        this.#sink.breakReceived();
        break;
      case CONTROL_BREAK_OFF:
        break;
      case CONTROL_DTR_ON:
      case CONTROL_DTR_OFF:
        this.#sink.modem({ dsr: value === CONTROL_DTR_ON, dcd: value === CONTROL_DTR_ON });
        break;
      case CONTROL_RTS_ON:
      case CONTROL_RTS_OFF:
        this.#sink.modem({ cts: value === CONTROL_RTS_ON });
        break;
      default:
        this.#answer(SET_CONTROL, [1]); // flow control: none, whatever is asked for
        return;
    }
    this.#answer(SET_CONTROL, [value]);
  }

  /** Our DTR and RTS as the peer's DSR, DCD and CTS (RFC 2217: the bits of an MSR). */
  #notifyModem(): void {
    const { dtr = false, rts = false } = this.#outputs ?? {};
    this.#answer(NOTIFY_MODEMSTATE, [(rts ? 0x10 : 0) | (dtr ? 0xa0 : 0)]);
  }

  #answer(command: number, value: readonly number[]): void {
    const escaped = value.flatMap((byte) => (byte === IAC ? [IAC, IAC] : [byte]));
    this.#sink.reply(Uint8Array.of(IAC, SB, OPT_COM_PORT, command + SERVER, ...escaped, IAC, SE));
  }
}
