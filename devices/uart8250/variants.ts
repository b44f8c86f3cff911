// The chips as data: what tells an 8250 from a 16750. One class models them all.
// Sources: INS8250/NS16450 and PC16550D (National), TL16C550C and TL16C750 (TI), 16C650 (Exar).
// Not here: 16950 (indexed control registers), 16850/654 (programmable triggers).

/** Part numbers, as accepted on a command line. */
export type Uart8250VariantName =
  '8250' | '16450' | '16550' | '16550A' | '16550C' | '16650V2' | '16750';

/** Receiver trigger levels in characters, indexed by FCR 7:6. */
export type TriggerLevels = readonly [number, number, number, number];

export interface Uart8250Variant {
  readonly name: Uart8250VariantName;
  readonly datasheet: string;
  /** Whether the scratch register exists; without it, offset 7 reads 0xFF. */
  readonly scratch: boolean;
  /**
   * `broken`: FCR.0 shows as 10 in IIR 7:6, but data goes through the one-byte buffers, since no
   * driver may rely on this part's FIFOs.
   */
  readonly fifo: 'none' | 'broken' | 'working';
  /** Depth of each FIFO in characters when enabled (1 where there is no usable FIFO). */
  readonly fifoBytes: number;
  readonly rxTriggers: TriggerLevels;
  /** Depth and triggers of the 64-byte mode (FCR.5 written while DLAB = 1). */
  readonly deepFifo: { readonly fifoBytes: number; readonly rxTriggers: TriggerLevels } | undefined;
  /** Transmitter trigger levels, indexed by FCR 5:4 (written while EFR.4 = 1). */
  readonly txTriggers: TriggerLevels | undefined;
  /** MCR.5 enables automatic RTS/CTS. */
  readonly autoFlow: boolean;
  /** EFR, XON1/2 and XOFF1/2 behind LCR = 0xBF; IER 7:4 and MCR 7:5 behind EFR.4. */
  readonly enhanced: boolean;
  /** IER bits that can always be written. */
  readonly ierMask: number;
  /** IER bits that put the part to sleep when it is idle. */
  readonly sleepMask: number;
}

const NO_TRIGGERS: TriggerLevels = [1, 1, 1, 1];
const PC16550D_TRIGGERS: TriggerLevels = [1, 4, 8, 14];

const INS8250: Uart8250Variant = {
  name: '8250',
  datasheet: 'National INS8250',
  scratch: false,
  fifo: 'none',
  fifoBytes: 1,
  rxTriggers: NO_TRIGGERS,
  deepFifo: undefined,
  txTriggers: undefined,
  autoFlow: false,
  enhanced: false,
  ierMask: 0x0f,
  sleepMask: 0,
};

const NS16450: Uart8250Variant = {
  ...INS8250,
  name: '16450',
  datasheet: 'National NS16450',
  scratch: true,
};

const PC16550D: Uart8250Variant = {
  ...NS16450,
  name: '16550A',
  datasheet: 'National PC16550D',
  fifo: 'working',
  fifoBytes: 16,
  rxTriggers: PC16550D_TRIGGERS,
};

/** All parts by name. */
export const UART8250_VARIANTS: Readonly<Record<Uart8250VariantName, Uart8250Variant>> = {
  '8250': INS8250,
  '16450': NS16450,
  '16550': { ...NS16450, name: '16550', datasheet: 'National NS16550', fifo: 'broken' },
  '16550A': PC16550D,
  '16550C': { ...PC16550D, name: '16550C', datasheet: 'TI TL16C550C', autoFlow: true },
  '16650V2': {
    ...PC16550D,
    name: '16650V2',
    datasheet: 'Exar ST16C650A',
    fifoBytes: 32,
    rxTriggers: [8, 16, 24, 28],
    txTriggers: [16, 8, 24, 30],
    enhanced: true,
    sleepMask: 0x10,
  },
  '16750': {
    ...PC16550D,
    name: '16750',
    datasheet: 'TI TL16C750',
    deepFifo: { fifoBytes: 64, rxTriggers: [1, 16, 32, 56] },
    autoFlow: true,
    ierMask: 0x3f,
    sleepMask: 0x30,
  },
};

/** Part names in the order of their history, for help texts and tables. */
export const UART8250_VARIANT_NAMES: readonly Uart8250VariantName[] = [
  '8250',
  '16450',
  '16550',
  '16550A',
  '16550C',
  '16650V2',
  '16750',
];

/** True for a name that `--uart` may give. */
export function isUart8250VariantName(name: string): name is Uart8250VariantName {
  return (UART8250_VARIANT_NAMES as readonly string[]).includes(name);
}
