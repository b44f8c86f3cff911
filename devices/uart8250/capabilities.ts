// What of each register is modelled, for which part, and where it is specified: the source of
// docs/uart-capabilities.md. Whether a part has a bit at all comes from variants.ts.

import {
  UART8250_VARIANT_NAMES,
  UART8250_VARIANTS,
  type Uart8250Variant,
  type Uart8250VariantName,
} from './variants.ts';

/** `absent`: the part does not have it (the bit reads 0, or as the note says). */
export type Support = 'yes' | 'partly' | 'no' | 'absent';

export interface Capability {
  readonly register: string;
  /** Bit or bits, as in the datasheet: `0`, `7:6`. */
  readonly bits: string;
  readonly name: string;
  readonly support: Readonly<Record<Uart8250VariantName, Support>>;
  /** What is left out, or what was decided where datasheets are silent. */
  readonly note: string;
  readonly source: string;
}

type Has = (variant: Uart8250Variant) => boolean;

const all: Has = () => true;
const fifo: Has = (v) => v.fifo === 'working';
const anyFifo: Has = (v) => v.fifo !== 'none';
const enhanced: Has = (v) => v.enhanced;
const deep: Has = (v) => v.deepFifo !== undefined;
const autoFlow: Has = (v) => v.autoFlow;
const lowPower: Has = (v) => (v.ierMask & 0x20) !== 0;
const sleeps: Has = (v) => v.sleepMask !== 0;
const scratch: Has = (v) => v.scratch;

function row(
  register: string,
  bits: string,
  name: string,
  has: Has,
  support: Support | ((variant: Uart8250Variant) => Support),
  source: string,
  note = '',
): Capability {
  const of = (name: Uart8250VariantName): Support => {
    const variant = UART8250_VARIANTS[name];
    if (!has(variant)) return 'absent';
    return typeof support === 'function' ? support(variant) : support;
  };
  return {
    register,
    bits,
    name,
    support: {
      '8250': of('8250'),
      '16450': of('16450'),
      '16550': of('16550'),
      '16550A': of('16550A'),
      '16550C': of('16550C'),
      '16650V2': of('16650V2'),
      '16750': of('16750'),
    },
    note,
    source,
  };
}

const NS = 'PC16550D';
const TI = 'TL16C750';
const EXAR = '16C650';

/** One row per bit (or field), in the order of the registers. */
export const UART8250_CAPABILITIES: readonly Capability[] = [
  row(
    'RBR',
    '7:0',
    'received data',
    all,
    'yes',
    `${NS} table II`,
    'empty: shows the last byte again',
  ),
  row(
    'THR',
    '7:0',
    'data to send',
    all,
    'yes',
    `${NS} table II`,
    'written while full: THR takes the new byte, a FIFO keeps the old ones; counted',
  ),
  row(
    'DLL, DLM',
    '7:0',
    'divisor latch',
    all,
    'yes',
    `${NS} 8.3`,
    'divisor 0 keeps the rate; power-on value 12; a frame under way keeps its length',
  ),
  row('IER', '0', 'ERBFI', all, 'yes', `${NS} 8.7`, 'also enables the character timeout'),
  row('IER', '1', 'ETBEI', all, 'yes', `${NS} 8.7`, '0 → 1 raises THRE while THR is empty'),
  row('IER', '2', 'ELSI', all, 'yes', `${NS} 8.7`),
  row('IER', '3', 'EDSSI', all, 'yes', `${NS} 8.7`),
  row(
    'IER',
    '4',
    'sleep',
    sleeps,
    'partly',
    `${TI} "sleep mode", ${EXAR} "sleep mode"`,
    'shown and wakes the board; waking takes no time, no character is lost',
  ),
  row('IER', '5', 'low power', lowPower, 'partly', `${TI} "low-power mode"`, 'as sleep'),
  row('IER', '5', 'Xoff interrupt', enhanced, 'yes', `${EXAR} IER`),
  row('IER', '6', 'RTS interrupt', enhanced, 'yes', `${EXAR} IER`),
  row('IER', '7', 'CTS interrupt', enhanced, 'yes', `${EXAR} IER`, 'with automatic CTS only'),
  row('IIR', '3:0', 'identification', all, 'yes', `${NS} 8.6`, 'timeout before data'),
  row('IIR', '5:4', 'Xoff, CTS/RTS', enhanced, 'yes', `${EXAR} ISR`),
  row('IIR', '5', '64-byte mode', deep, 'yes', `${TI} IIR`),
  row('IIR', '7:6', 'FIFO enabled', anyFifo, 'yes', `${NS} 8.6`, '16550: reads 10'),
  row(
    'FCR',
    '0',
    'FIFO enable',
    anyFifo,
    (v) => (v.fifo === 'broken' ? 'partly' : 'yes'),
    `${NS} 8.5`,
    '16550: shows in IIR, data goes through one-byte buffers',
  ),
  row('FCR', '1', 'receiver FIFO reset', fifo, 'yes', `${NS} 8.5`),
  row('FCR', '2', 'transmitter FIFO reset', fifo, 'yes', `${NS} 8.5`),
  row('FCR', '3', 'DMA mode', fifo, 'no', `${NS} 8.5`, 'no RXRDY and TXRDY pins'),
  row(
    'FCR',
    '5:4',
    'transmitter trigger',
    enhanced,
    'partly',
    `${EXAR} FCR`,
    'interrupts at the level and when empty; without EFR.4 when empty only',
  ),
  row(
    'FCR',
    '5',
    '64-byte mode',
    deep,
    'yes',
    `${TI} FCR`,
    'needs DLAB; changing it clears both FIFOs',
  ),
  row('FCR', '7:6', 'receiver trigger', fifo, 'yes', `${NS} 8.5`),
  row('LCR', '1:0', 'word length', all, 'yes', `${NS} 8.1`),
  row('LCR', '2', 'stop bits', all, 'yes', `${NS} 8.1`, '1.5 with 5-bit words'),
  row(
    'LCR',
    '5:3',
    'parity',
    all,
    'partly',
    `${NS} 8.1`,
    'lengthens the frame and is told to the line, which says what is in error',
  ),
  row('LCR', '6', 'set break', all, 'yes', `${NS} 8.1`, 'told to the line if longer than a frame'),
  row('LCR', '7', 'DLAB', all, 'yes', `${NS} 8.1`),
  row('MCR', '3:0', 'DTR, RTS, OUT1, OUT2', all, 'yes', `${NS} 8.8`, 'OUT2 gates INTR by option'),
  row('MCR', '4', 'loopback', all, 'yes', `${NS} 8.8`),
  row('MCR', '5', 'AFE', autoFlow, 'yes', `${TI} "autoflow control"`, 'RTS drops at the trigger'),
  row('MCR', '5', 'Xon-any', enhanced, 'yes', `${EXAR} MCR`),
  row('MCR', '6', 'IrDA', enhanced, 'no', `${EXAR} MCR`, 'kept, without effect'),
  row('MCR', '7', 'clock / 4', enhanced, 'yes', `${EXAR} MCR`),
  row('LSR', '0', 'DR', all, 'yes', `${NS} 8.4`),
  row('LSR', '1', 'OE', all, 'yes', `${NS} 8.4`),
  row('LSR', '2', 'PE', all, 'yes', `${NS} 8.4`, 'as given by the line'),
  row('LSR', '3', 'FE', all, 'yes', `${NS} 8.4`, 'as given by the line; set with BI'),
  row('LSR', '4', 'BI', all, 'yes', `${NS} 8.4`, 'one NUL, whatever the length'),
  row(
    'LSR',
    '5',
    'THRE',
    all,
    (v) => (v.fifo === 'working' ? 'partly' : 'yes'),
    `${NS} 8.4, 8.11`,
    'with FIFO: not delayed after a single byte',
  ),
  row('LSR', '6', 'TEMT', all, 'yes', `${NS} 8.4`),
  row('LSR', '7', 'error in FIFO', fifo, 'yes', `${NS} 8.4`),
  row('MSR', '3:0', 'DCTS, DDSR, TERI, DDCD', all, 'yes', `${NS} 8.9`),
  row('MSR', '7:4', 'CTS, DSR, RI, DCD', all, 'yes', `${NS} 8.9`, 'undriven: CTS, DSR, DCD active'),
  row('SCR', '7:0', 'scratch', scratch, 'yes', `${NS} 8.10`, '8250: reads FF'),
  row(
    'EFR',
    '3:0',
    'Xon/Xoff flow control',
    enhanced,
    'partly',
    `${EXAR} EFR`,
    '11 receives either character, sends both',
  ),
  row('EFR', '4', 'enhanced functions', enhanced, 'yes', `${EXAR} EFR`),
  row('EFR', '5', 'special character', enhanced, 'yes', `${EXAR} EFR`),
  row('EFR', '6', 'automatic RTS', enhanced, 'yes', `${EXAR} EFR`, 'needs MCR.1'),
  row('EFR', '7', 'automatic CTS', enhanced, 'yes', `${EXAR} EFR`),
  row('XON1/2, XOFF1/2', '7:0', 'flow characters', enhanced, 'yes', `${EXAR} Xon/Xoff`),
  row('pins', '', 'INTR', all, 'yes', `${NS} 8.6`, 'a level'),
  row('pins', '', 'RXRDY, TXRDY', fifo, 'no', `${NS} 8.5`),
  row('pins', '', 'BAUDOUT, RCLK', all, 'no', `${NS} 8.3`, 'one clock for both directions'),
  row('timing', '', 'frame time', all, 'yes', `${NS} 8.1, 8.3`, 'to the ns, without drift'),
  row('timing', '', 'character timeout', fifo, 'yes', `${NS} 8.11`, '4 character times'),
  row(
    'timing',
    '',
    'mid-bit sampling',
    all,
    'no',
    `${NS} 8.3`,
    'received at the end of the stop bit',
  ),
];

const CELL: Readonly<Record<Support, string>> = {
  yes: 'yes',
  partly: 'partly',
  no: 'no',
  absent: '–',
};

/** The table as Markdown. */
export function capabilityTable(): string {
  const head = ['Register', 'Bits', 'Name', ...UART8250_VARIANT_NAMES, 'Note', 'Source'];
  const rows = UART8250_CAPABILITIES.map((capability) => [
    capability.register,
    capability.bits,
    capability.name,
    ...UART8250_VARIANT_NAMES.map((name) => CELL[capability.support[name]]),
    capability.note,
    capability.source,
  ]);
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** The parts and what tells them apart, as Markdown. */
export function variantTable(): string {
  const head = ['Part', 'FIFO', 'Receiver triggers', 'SCR', 'Flow control', 'Sleep', 'Datasheet'];
  const rows = UART8250_VARIANT_NAMES.map((name) => {
    const v = UART8250_VARIANTS[name];
    const deepBytes = v.deepFifo === undefined ? '' : `, ${v.deepFifo.fifoBytes} in 64-byte mode`;
    const fifoText = {
      none: 'none',
      broken: 'shown, not usable',
      working: `${v.fifoBytes}${deepBytes}`,
    };
    const triggers = [v.rxTriggers, ...(v.deepFifo === undefined ? [] : [v.deepFifo.rxTriggers])];
    return [
      name,
      fifoText[v.fifo],
      v.fifo === 'working' ? triggers.map((levels) => levels.join('/')).join(', 64: ') : '–',
      v.scratch ? 'yes' : '–',
      v.autoFlow ? 'MCR.5' : v.enhanced ? 'EFR' : '–',
      v.sleepMask === 0 ? '–' : v.sleepMask === 0x30 ? 'IER.4, IER.5' : 'IER.4',
      v.datasheet,
    ];
  });
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
