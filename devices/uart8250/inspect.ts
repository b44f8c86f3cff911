// A decoded view of a UART for a monitor (`info uart`) and for tests. Reads no register through
// the bus, so nothing is acknowledged. Bit names as in registers.ts; leaves layout to the caller.

import type { Chip } from './chip.ts';
import type { LineSettings, ModemInputs, ModemOutputs } from './line.ts';
import type { Receiver } from './receiver.ts';
import type { UartCounters } from './state.ts';
import type { Transmitter } from './transmitter.ts';

/** Names of a register's bits, bit 0 first. */
type BitNames = readonly string[];

const IER_BITS: BitNames = ['ERBFI', 'ETBEI', 'ELSI', 'EDSSI'];
const MCR_BITS: BitNames = ['DTR', 'RTS', 'OUT1', 'OUT2', 'LOOP'];
const LSR_BITS: BitNames = ['DR', 'OE', 'PE', 'FE', 'BI', 'THRE', 'TEMT', 'FIFO_ERROR'];
const MSR_BITS: BitNames = ['DCTS', 'DDSR', 'TERI', 'DDCD', 'CTS', 'DSR', 'RI', 'DCD'];
const LCR_BITS: BitNames = ['WLS0', 'WLS1', 'STB', 'PEN', 'EPS', 'STICK', 'BREAK', 'DLAB'];
const FCR_BITS: BitNames = ['ENABLE', '', '', 'DMA', 'TXTRIG0', 'TXTRIG1', 'RXTRIG0', 'RXTRIG1'];
const EFR_BITS: BitNames = [
  'RXFLOW0',
  'RXFLOW1',
  'TXFLOW0',
  'TXFLOW1',
  'ENHANCED',
  'SPECIAL',
  'AUTO_RTS',
  'AUTO_CTS',
];

const CAUSES: Readonly<Record<number, string>> = {
  0x01: 'none',
  0x06: 'line status',
  0x0c: 'character timeout',
  0x04: 'data available',
  0x02: 'THR empty',
  0x00: 'modem status',
  0x10: 'Xoff',
  0x20: 'CTS/RTS',
};

export interface RegisterView {
  readonly name: string;
  readonly value: number;
  /** Names of the bits that are 1, or a reading of the fields. */
  readonly bits: readonly string[];
}

export interface UartInspection {
  readonly name: string;
  readonly variant: string;
  readonly registers: readonly RegisterView[];
  readonly receiver: ReturnType<Receiver['inspect']> & { readonly trigger: number };
  readonly transmitter: ReturnType<Transmitter['inspect']>;
  readonly fifoBytes: number;
  readonly settings: LineSettings;
  readonly frameNs: number;
  readonly inputs: ModemInputs;
  readonly outputs: ModemOutputs;
  readonly interrupt: { readonly level: boolean; readonly cause: string; readonly thre: boolean };
  readonly asleep: boolean;
  readonly waking: boolean;
  readonly attached: boolean;
  readonly counters: UartCounters;
}

export interface InspectionSource {
  readonly name: string;
  readonly chip: Chip;
  readonly iir: number;
  readonly lsr: number;
  readonly msr: number;
  readonly transmitter: ReturnType<Transmitter['inspect']>;
  readonly receiver: ReturnType<Receiver['inspect']>;
  readonly inputs: ModemInputs;
  readonly outputs: ModemOutputs;
  readonly settings: LineSettings;
  readonly interrupt: boolean;
  readonly threPending: boolean;
  readonly asleep: boolean;
  readonly waking: boolean;
  readonly attached: boolean;
}

function setBits(value: number, names: BitNames): string[] {
  return names.filter((name, bit) => name !== '' && (value >> bit) & 1);
}

function cause(iir: number, deepFifo: boolean): string {
  const identification = iir & (deepFifo ? 0x1f : 0x3f);
  return CAUSES[identification] ?? `0x${identification.toString(16)}`;
}

function registerViews(source: InspectionSource): RegisterView[] {
  const { chip, iir, lsr, msr } = source;
  const { registers, variant } = chip;
  const sleepBits = [
    '',
    '',
    '',
    '',
    'SLEEP',
    variant.enhanced ? 'XOFF' : 'LOW_POWER',
    'RTS',
    'CTS',
  ];
  const autoBits = ['', '', '', '', '', variant.autoFlow ? 'AFE' : 'XON_ANY', 'IRDA', 'CLOCK_DIV4'];
  const both = (value: number, low: BitNames, high: BitNames) => [
    ...setBits(value, low),
    ...setBits(value, high),
  ];
  const view = (name: string, value: number, bits: readonly string[]) => ({ name, value, bits });
  const views = [
    view('IER', registers.ier, both(registers.ier, IER_BITS, sleepBits)),
    view('IIR', iir, [cause(iir, chip.deepFifo)]),
    view('FCR', registers.fcr, setBits(registers.fcr, FCR_BITS)),
    view('LCR', registers.lcr, setBits(registers.lcr, LCR_BITS)),
    view('MCR', registers.mcr, both(registers.mcr, MCR_BITS, autoBits)),
    view('LSR', lsr, setBits(lsr, LSR_BITS)),
    view('MSR', msr, setBits(msr, MSR_BITS)),
    view('DLL', registers.dll, []),
    view('DLM', registers.dlm, []),
  ];
  if (variant.scratch) views.push(view('SCR', registers.scr, []));
  if (variant.enhanced) {
    views.push(
      view('EFR', registers.efr, setBits(registers.efr, EFR_BITS)),
      view('XON1', registers.xon1, []),
      view('XON2', registers.xon2, []),
      view('XOFF1', registers.xoff1, []),
      view('XOFF2', registers.xoff2, []),
    );
  }
  return views;
}

export function inspect(source: InspectionSource): UartInspection {
  const { chip } = source;
  return {
    name: source.name,
    variant: chip.variant.name,
    registers: registerViews(source),
    receiver: { ...source.receiver, trigger: chip.rxTrigger },
    transmitter: source.transmitter,
    fifoBytes: chip.fifoBytes,
    settings: source.settings,
    frameNs: chip.frame.ns,
    inputs: source.inputs,
    outputs: source.outputs,
    interrupt: {
      level: source.interrupt,
      cause: cause(source.iir, chip.deepFifo),
      thre: source.threPending,
    },
    asleep: source.asleep,
    waking: source.waking,
    attached: source.attached,
    counters: { ...chip.counters },
  };
}
