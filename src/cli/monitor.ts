// The monitor behind Ctrl-A c: looks at the machine and disturbs it from outside. Commands are a
// table; each is given its words and returns lines. Knows no terminal: see MonitorConsole.

import type { ModemInputs } from '../../devices/uart8250/line.ts';
import type { UartInspection } from '../../devices/uart8250/inspect.ts';
import { PrintkitError } from '../errors.ts';
import type { LineAttachment } from '../lines/attachment.ts';
import type { Machine } from '../machine/machine.ts';

/** What the monitor needs of a session. */
export interface MonitorTarget {
  readonly machine: Machine;
  readonly attachments: readonly LineAttachment[];
  stopped(): boolean;
  stop(): void;
  cont(): void;
  quit(): void;
  /** Input was injected: the machine should look. */
  wake(): void;
  /** Writes an ELF core file. @throws PrintkitError when it cannot. */
  dump?(path: string): void;
  /** Writes the machine, for `run --restore`. @throws PrintkitError when it cannot. */
  save?(path: string): void;
  /** `printk+0x14 (printk.ts:12)`, or undefined without symbols. */
  describe?(address: number): string | undefined;
}

interface MonitorCommand {
  readonly usage: string;
  readonly help: string;
  run(target: MonitorTarget, words: readonly string[]): string[];
}

/** Bad usage: the text goes to the monitor's user. */
class MonitorError extends Error {}

const SIGNALS = ['cts', 'dsr', 'ri', 'dcd'] as const;

const COMMANDS: Readonly<Record<string, MonitorCommand>> = {
  info: {
    usage: 'info uart|irq|harts|lines [N]',
    help: 'registers, FIFOs and counters; interrupts; harts; host ends',
    run: info,
  },
  break: {
    usage: 'break [serial]',
    help: 'BREAK on the line into a UART',
    run: (target, [serial]) => {
      attachment(target, serial).inputBreak();
      return [];
    },
  },
  nmi: {
    usage: 'nmi [hart]',
    help: 'non-maskable interrupt on one hart, or on all',
    run: nmi,
  },
  modem: {
    usage: 'modem cts|dsr|ri|dcd on|off [serial]',
    help: 'drives a modem input, whatever the far end says',
    run: modem,
  },
  inject: {
    usage: 'inject parity|framing|overrun [serial]',
    help: 'a character with an error, or the loss of one',
    run: inject,
  },
  dump: {
    usage: 'dump FILE',
    help: 'ELF core of the guest as it is now',
    run: (target, words) => writeFile(words, (path) => target.dump?.(path)),
  },
  save: {
    usage: 'save FILE',
    help: 'the machine as it is now, for run --restore FILE',
    run: (target, words) => writeFile(words, (path) => target.save?.(path)),
  },
  stop: {
    usage: 'stop',
    help: 'freezes virtual time',
    run: (target) => {
      target.stop();
      return [];
    },
  },
  cont: {
    usage: 'cont',
    help: 'lets it run again',
    run: (target) => {
      target.cont();
      return [];
    },
  },
  quit: {
    usage: 'quit',
    help: 'leaves printkit',
    run: (target) => {
      target.quit();
      return [];
    },
  },
};

/** Runs one line. Empty lines do nothing. */
export function runMonitorLine(target: MonitorTarget, line: string): string[] {
  const [name, ...words] = line.trim().split(/\s+/);
  if (name === undefined || name === '') return [];
  if (name === 'help') return help();
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) return [`unknown command "${name}"; try help`];
  try {
    return command.run(target, words);
  } catch (error) {
    if (error instanceof MonitorError) return [`${error.message}; usage: ${command.usage}`];
    throw error;
  }
}

function help(): string[] {
  const commands = Object.values(COMMANDS);
  const width = Math.max(...commands.map(({ usage }) => usage.length));
  return commands.map(({ usage, help: text }) => `${usage.padEnd(width)}  ${text}`);
}

function index(text: string | undefined, count: number, what: string): number {
  const value = text === undefined ? 0 : /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(value < count)) throw new MonitorError(`there is no ${what} ${text}`);
  return value;
}

function attachment(target: MonitorTarget, serial: string | undefined): LineAttachment {
  return target.attachments[index(serial, target.attachments.length, 'serial')];
}

function nmi(target: MonitorTarget, [hart]: readonly string[]): string[] {
  const { machine } = target;
  const harts =
    hart === undefined
      ? machine.harts.map(({ id }) => id)
      : [index(hart, machine.harts.length, 'hart')];
  for (const id of harts) machine.raiseNmi(id);
  target.wake();
  return [];
}

function writeFile([path]: readonly string[], write: (path: string) => void): string[] {
  if (path === undefined) throw new MonitorError('into which file?');
  try {
    write(path);
  } catch (error) {
    if (error instanceof PrintkitError) return [error.message];
    throw error;
  }
  return [`wrote ${path}`];
}

function modem(target: MonitorTarget, words: readonly string[]): string[] {
  const [signal, state, serial] = words;
  const name = SIGNALS.find((candidate) => candidate === signal);
  if (name === undefined) throw new MonitorError('which signal?');
  if (state !== 'on' && state !== 'off') throw new MonitorError('on or off?');
  const inputs: Partial<ModemInputs> = { [name]: state === 'on' };
  attachment(target, serial).setSignals(inputs);
  target.wake();
  return [];
}

function inject(target: MonitorTarget, [kind, serial]: readonly string[]): string[] {
  const { port } = attachment(target, serial);
  if (port === undefined) throw new MonitorError('the UART is not attached');
  switch (kind) {
    case 'parity':
      port.receive({ byte: 0x3f, parityError: true });
      break;
    case 'framing':
      port.receive({ byte: 0x3f, framingError: true });
      break;
    case 'overrun':
      port.injectOverrun();
      break;
    default:
      throw new MonitorError('which error?');
  }
  target.wake();
  return [];
}

// ---- info -------------------------------------------------------------------------------------------

function info(target: MonitorTarget, [what, number]: readonly string[]): string[] {
  const { machine } = target;
  switch (what) {
    case 'uart': {
      const uarts =
        number === undefined
          ? machine.uarts
          : [machine.uarts[index(number, machine.uarts.length, 'serial')]];
      return uarts.flatMap((uart) => (uart === undefined ? [] : infoUart(uart.inspect())));
    }
    case 'irq':
      return infoIrq(target);
    case 'harts':
      return machine.harts.flatMap((hart) => infoHart(target, hart.id));
    case 'lines':
      return target.attachments.flatMap((line) => infoLine(line));
    default:
      throw new MonitorError('about what?');
  }
}

const hex = (value: number, digits: number) =>
  `0x${(value >>> 0).toString(16).padStart(digits, '0')}`;

function flags(signals: object): string {
  const on = Object.entries(signals).filter(([, active]) => active === true);
  return on.length === 0 ? 'none' : on.map(([name]) => name.toUpperCase()).join(' ');
}

function infoUart(uart: UartInspection): string[] {
  const { receiver, transmitter, settings, interrupt, counters } = uart;
  const registers = uart.registers.map(
    ({ name, value, bits }) => `  ${name.padEnd(5)} ${hex(value, 2)}  ${bits.join(' ')}`,
  );
  const rx = receiver.fifo.map(({ byte, errors }) => hex(byte, 2) + (errors === 0 ? '' : '!'));
  const tx = transmitter.fifo.map((byte) => hex(byte, 2));
  const shift = transmitter.shift === undefined ? '' : `, shifting ${hex(transmitter.shift, 2)}`;
  const held = transmitter.held ? ' (held: the line is not ready)' : '';
  return [
    `${uart.name}: ${uart.variant}, ${settings.baud.toFixed(0)} baud, ${settings.dataBits} bits, ` +
      `parity ${settings.parity}, ${settings.stopBits} stop, ${uart.frameNs} ns per character`,
    ...registers,
    `  receiver    ${receiver.fifo.length}/${uart.fifoBytes} ${rx.join(' ')}` +
      ` (trigger ${receiver.trigger}, ${receiver.queued} on the line)`,
    `  transmitter ${transmitter.fifo.length}/${uart.fifoBytes} ${tx.join(' ')}${shift}${held}`,
    `  interrupt   ${interrupt.level ? 'asserted' : 'clear'}, cause: ${interrupt.cause}`,
    `  inputs      ${flags(uart.inputs)}`,
    `  outputs     ${flags(uart.outputs)}`,
    `  power       ${uart.asleep ? 'asleep' : 'awake'}${uart.waking ? ', wake asserted' : ''}`,
    `  counters    ${Object.entries(counters)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}`,
  ];
}

const INTERRUPT_BITS = [
  { bit: 3, name: 'software' },
  { bit: 7, name: 'timer' },
  { bit: 11, name: 'external' },
];
const CSR_MSTATUS = 0x300;
const CSR_MIE = 0x304;
const CSR_MIP = 0x344;
const MSTATUS_MIE = 8;

function infoIrq(target: MonitorTarget): string[] {
  const { machine } = target;
  const harts = machine.harts.map((hart) => {
    const mie = hart.readCsr(CSR_MIE);
    const mip = hart.readCsr(CSR_MIP);
    const names = (mask: number) =>
      INTERRUPT_BITS.filter(({ bit }) => (mask >> bit) & 1)
        .map(({ name }) => name)
        .join(' ') || 'none';
    const on = hart.readCsr(CSR_MSTATUS) & MSTATUS_MIE ? 'on' : 'off';
    return `hart ${hart.id}: interrupts ${on}, enabled: ${names(mie)}, pending: ${names(mip)}`;
  });
  const uarts = machine.uarts.map(
    (uart) => `${uart.name}: line ${uart.interruptLevel ? 'asserted' : 'clear'}`,
  );
  const timers = machine.clock
    .armed()
    .map(({ name, deadline }) => `timer ${name}: in ${deadline - machine.now} ns`);
  return [...harts, ...uarts, ...timers];
}

function infoHart(target: MonitorTarget, id: number): string[] {
  const hart = target.machine.harts[id];
  if (hart === undefined) return [];
  const pc = hart.pc >>> 0;
  const where = target.describe?.(pc);
  const state = hart.waiting ? 'waits in wfi' : 'runs';
  return [
    `hart ${id}: ${state} at ${hex(pc, 8)}${where === undefined ? '' : ` ${where}`}, ` +
      `${hart.instret} instructions`,
  ];
}

function infoLine(line: LineAttachment): string[] {
  const { sent, received } = line.count;
  return [
    `${line.name}: ${sent} bytes out, ${received} in, ${line.inputBytes} waiting to go in`,
    ...line.ends.map(
      (end) =>
        `  ${end.name}: ${end.queuedBytes} bytes queued, ${end.lostBytes} lost` +
        (end.full ? ', full' : ''),
    ),
  ];
}

// ---- console ----------------------------------------------------------------------------------------

const PROMPT = '(printkit) ';

/** A line editor for the monitor: printable keys, backspace, Ctrl-U, Ctrl-C, Enter. */
export class MonitorConsole {
  readonly #target: MonitorTarget;
  readonly #print: (text: string) => void;
  #line = '';

  constructor(target: MonitorTarget, print: (text: string) => void) {
    this.#target = target;
    this.#print = print;
  }

  shown(): void {
    this.#line = '';
    this.#print(PROMPT);
  }

  input(bytes: Uint8Array): void {
    for (const byte of bytes) this.#key(byte);
  }

  #key(byte: number): void {
    if (byte === 0x0d || byte === 0x0a) {
      this.#enter();
    } else if (byte === 0x7f || byte === 0x08) {
      if (this.#line === '') return;
      this.#line = this.#line.slice(0, -1);
      this.#print('\b \b');
    } else if (byte === 0x15 || byte === 0x03) {
      this.#print(byte === 0x03 ? '^C\r\n' : '\r\x1b[K');
      this.shown();
    } else if (byte >= 0x20 && byte < 0x7f && this.#line.length < 200) {
      this.#line += String.fromCharCode(byte);
      this.#print(String.fromCharCode(byte));
    }
  }

  #enter(): void {
    this.#print('\r\n');
    for (const line of runMonitorLine(this.#target, this.#line)) this.#print(`${line}\r\n`);
    this.shown();
  }
}
