// `printkit run`: boots an ELF on the machine and connects its serial ports to the world.
// Options as a table; the work is in session.ts (time), terminal.ts (keys) and src/lines (bytes).

import { Command } from 'commander';
import {
  isUart8250Fault,
  UART8250_FAULTS,
  type Uart8250Fault,
} from '../../devices/uart8250/options.ts';
import {
  isUart8250VariantName,
  UART8250_VARIANT_NAMES,
  type Uart8250VariantName,
} from '../../devices/uart8250/variants.ts';
import { PrintkitError } from '../errors.ts';
import { END_FORMS, type EndSpec, parseEndSpec } from '../lines/spec.ts';
import { addOptions, type OptionEntry } from './help.ts';
import { parseCount, parseEscapeKey, parseNumbered, parseSize } from './options.ts';

const MIB = 1024 * 1024;
const HARTS_MAX = 32;
const SERIALS_MAX = 4;

/** The values of the options, as commander collects them. */
export interface RunOptions {
  smp: number;
  memory: number;
  append: string;
  serial: EndSpec[];
  mirror: NumberedSpec[];
  log: NumberedPath[];
  logTime: boolean;
  backlog: number;
  uart: Uart8250VariantName;
  uartShift: 0 | 1 | 2;
  uartWidth: 1 | 2 | 4;
  uartOut2: boolean;
  uartFault?: Uart8250Fault;
  baud: boolean;
  paced?: boolean;
  unpaced?: boolean;
  maxInstructions: number;
  nsPerInstruction: number;
  trace: boolean;
  traceFile?: string;
  lineScript?: string;
  core?: string;
  restore?: string;
  stats: boolean;
  escape: { key: number | undefined };
}

export interface NumberedSpec {
  index: number;
  spec: EndSpec;
}

export interface NumberedPath {
  index: number;
  path: string;
}

function serialNumber(option: string, index: number): number {
  if (index < SERIALS_MAX) return index;
  throw new PrintkitError(`${option}: there are serials 0 to ${SERIALS_MAX - 1}, not ${index}`);
}

const OPTIONS: readonly OptionEntry[] = [
  {
    flags: '--smp <harts>',
    help: `number of harts, 1 to ${HARTS_MAX}`,
    parse: (option, text) => parseCount(option, text, 1, HARTS_MAX),
    default: 4,
  },
  {
    flags: '-m, --memory <size>',
    help: 'guest memory, e.g. 64M; a plain number counts MiB',
    parse: (option, text) => parseSize(option, text, MIB, MIB, 2048 * MIB),
    default: 64 * MIB,
    shown: '64M',
  },
  { flags: '-a, --append <text>', help: "the guest's command line", default: '', shown: 'none' },
  {
    flags: '--serial <end>',
    help: 'where ttyS0 goes; up to four times, for ttyS0 to ttyS3 (see below)',
    parse: (_option, text) => parseEndSpec(text),
    repeats: true,
  },
  {
    flags: '--mirror <[N=]end>',
    help: 'one more end for serial N (0 if not given)',
    parse: (option, text) => {
      const { index, value } = parseNumbered(text);
      return { index: serialNumber(option, index), spec: parseEndSpec(value) };
    },
    repeats: true,
  },
  {
    flags: '--log <[N=]file>',
    help: 'copy of what serial N prints; Ctrl-A l switches it off and on',
    parse: (option, text) => {
      const { index, value } = parseNumbered(text);
      return { index: serialNumber(option, index), path: value };
    },
    repeats: true,
  },
  { flags: '--log-time', help: 'host time stamps in logs', default: false },
  {
    flags: '--backlog <size>',
    help: 'output kept for readers of a pty or socket that come late',
    parse: (option, text) => parseSize(option, text, 1, 0, 1024 * MIB),
    default: 64 * 1024,
    shown: '64K',
  },
  {
    flags: '--line-script <file>',
    help: 'what the far ends of the lines do in virtual time: "uart0 1.5ms cts off", one a line',
  },
  {
    flags: '--uart <part>',
    help: `part number of the UARTs: ${UART8250_VARIANT_NAMES.join(', ')}`,
    parse: (option, text) => {
      if (isUart8250VariantName(text)) return text;
      const known = UART8250_VARIANT_NAMES.join(', ');
      throw new PrintkitError(`${option}: there is no part "${text}" (known: ${known})`);
    },
    default: '16550A',
  },
  {
    flags: '--uart-shift <n>',
    help: 'log2 of the distance between UART registers in bytes (reg-shift): 0, 1 or 2',
    parse: (option, text) => parseCount(option, text, 0, 2),
    default: 0,
  },
  {
    flags: '--uart-width <bytes>',
    help: 'width of the bus to the UARTs in bytes (reg-io-width): 1, 2 or 4',
    parse: (option, text) => {
      if (['1', '2', '4'].includes(text)) return Number(text);
      throw new PrintkitError(`${option}: "${text}" is not 1, 2 or 4`);
    },
    default: 1,
  },
  {
    flags: '--uart-out2',
    help: 'UART interrupts pass only while OUT2 is active, as on PCs',
    default: false,
  },
  {
    flags: '--uart-fault <fault>',
    help: `a defect of the UARTs: ${UART8250_FAULTS.join(', ')} (see docs/uart.md)`,
    parse: (option, text) => {
      if (isUart8250Fault(text)) return text;
      throw new PrintkitError(
        `${option}: there is no fault "${text}" (known: ${UART8250_FAULTS.join(', ')})`,
      );
    },
  },
  { flags: '--no-baud', help: 'characters take no time on the wire' },
  {
    flags: '--paced',
    help: 'virtual time at wall-clock speed (default on a terminal)',
    conflicts: 'unpaced',
  },
  { flags: '--unpaced', help: 'as fast as it goes (default without a terminal)' },
  {
    flags: '--max-instructions <n>',
    help: 'end with exit code 124 after so many instructions of all harts',
    parse: (option, text) => parseCount(option, text, 1, Number.MAX_SAFE_INTEGER),
    default: Infinity,
    shown: 'no limit',
  },
  {
    flags: '--ns-per-instruction <ns>',
    help: 'virtual time that an instruction takes',
    parse: (option, text) => parseCount(option, text, 1, 1_000_000),
    default: 10,
  },
  { flags: '--trace', help: 'print every instruction to stderr (slow)', default: false },
  { flags: '--trace-file <file>', help: 'the same, into a file' },
  {
    flags: '--core <file>',
    help: 'ELF core of the guest if it dies, fails, restarts or is left (see docs/crash-dumps.md)',
  },
  {
    flags: '--restore <file>',
    help: "go on with a machine that the monitor's save has written; same program, same options",
  },
  { flags: '--stats', help: 'report instructions and times on stderr at the end', default: false },
  {
    flags: '--escape <key>',
    help: 'key before commands to printkit on a terminal, or none',
    // Wrapped, because commander takes an undefined value for "not given".
    parse: (option, text) => ({ key: parseEscapeKey(option, text) }),
    default: { key: 1 },
    shown: '^A',
  },
];

export function runCommand(): Command {
  const command = new Command('run')
    .description('boot an ELF (default: the firmware that comes with printkit)')
    .argument('[elf]', 'static RV32 executable for machine mode');
  addOptions(command, OPTIONS);
  const width = Math.max(...END_FORMS.map(({ form }) => form.length));
  const forms = END_FORMS.map(({ form, help }) => `  ${form.padEnd(width)}  ${help}`);
  command.addHelpText('after', `\nEnds of a serial line:\n${forms.join('\n')}\n`);
  command.action(async (elf: string | undefined, options: RunOptions) => {
    const { runMachine } = await import('./run-machine.ts');
    process.exit(await runMachine(elf, options));
  });
  return command;
}
