// One run from the parsed options to the exit code: machine, guest, lines, terminal, session, and
// an orderly end whatever happens (terminal restored, output delivered, files closed).

import fs from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { INPUT_QUEUE_CHARACTERS } from '../../devices/uart8250/index.ts';
import { PrintkitError } from '../errors.ts';
import { LineAttachment } from '../lines/attachment.ts';
import type { End } from '../lines/end.ts';
import { followSymbols, LineScript, parseLineScript } from '../lines/line-script.ts';
import type { FileEnd } from '../lines/null.ts';
import { type EndSpec, makeEnd } from '../lines/spec.ts';
import { PlainStdio, Stdin, StdoutWriter } from '../lines/stdio.ts';
import { Machine, type UartOptions } from '../machine/machine.ts';
import { EXIT_DIED, EXIT_ERROR, EXIT_LIMIT, EXIT_SIGNAL } from './exit-codes.ts';
import { type Guest, loadGuest } from './guest.ts';
import { MonitorConsole, type MonitorTarget } from './monitor.ts';
import { readBytes, writeBytes } from './output-file.ts';
import { firmwareElf } from './paths.ts';
import type { RunOptions } from './run.ts';
import { Session, type SessionEnd } from './session.ts';
import { formatStats } from './stats.ts';
import { Terminal } from './terminal.ts';

/** Output that a leaving user's slow reader still gets. */
const QUIT_DRAIN_MS = 1000;

const say = (text: string) => void process.stderr.write(`printkit: ${text}\n`);

/** @returns the exit code. */
export async function runMachine(elf: string | undefined, options: RunOptions): Promise<number> {
  const run = new Run(options);
  try {
    return await run.execute(elf ?? builtFirmware());
  } finally {
    run.restoreTerminal();
  }
}

function builtFirmware(): string {
  const elf = firmwareElf();
  if (fs.existsSync(elf)) return elf;
  throw new PrintkitError(`the firmware ${elf} has not been built: run printkit build`);
}

class Run {
  readonly #options: RunOptions;
  readonly #serials: readonly EndSpec[];
  readonly #stdin = new Stdin();
  readonly #logs: FileEnd[] = [];
  #attachments: LineAttachment[] = [];
  #stdout: StdoutWriter | undefined;
  #terminal: Terminal | undefined;
  #monitor: MonitorConsole | undefined;
  #session: Session | undefined;
  #earlyQuit: number | undefined;
  #coreWritten = false;

  constructor(options: RunOptions) {
    this.#options = options;
    // Commander gives no array when the option was never given.
    const serials = (options.serial as EndSpec[] | undefined) ?? [];
    this.#serials = serials.length > 0 ? serials : [{ kind: 'stdio' }];
  }

  restoreTerminal(): void {
    this.#stdin.restore();
  }

  async execute(elf: string): Promise<number> {
    const { smp, memory, append, nsPerInstruction } = this.#options;
    this.#checkSerials();
    this.#checkCore();
    const guest = loadGuest(elf);
    const machine = new Machine({
      harts: smp,
      memoryBytes: memory,
      bootargs: append,
      nsPerInstruction,
      uarts: this.#serials.map(() => this.#uartOptions()),
    });
    machine.load(guest.image);
    this.#restore(machine);
    this.#installHandlers();
    await this.#attach(machine, guest).catch(async (error: unknown) => {
      // What has been opened so far is closed again: links and sockets would stay behind.
      await Promise.all(this.#attachments.map((attachment) => attachment.close(0)));
      throw error;
    });
    const closeTrace = await this.#trace(machine, guest);
    await this.#playLineScript(machine, guest);
    const session = this.#createSession(machine, guest);
    this.#session = session;
    if (this.#earlyQuit !== undefined) session.quit(this.#earlyQuit);
    const startMs = performance.now();
    const end = await session.run();
    const wallMs = performance.now() - startMs;
    await this.#close(end);
    closeTrace();
    if (end.kind === 'asleep') say('the guest waits for input, and the input has ended');
    if (end.kind === 'stuck') process.stderr.write(await guest.report(machine, end));
    this.#writeLastCore(machine, guest, end);
    if (this.#options.stats) {
      for (const line of formatStats({ ...session.totals, wallMs })) say(line);
    }
    return exitCode(end);
  }

  #restore(machine: Machine): void {
    const { restore } = this.#options;
    if (restore === undefined) return;
    const bytes = readBytes('--restore', restore);
    try {
      machine.restore(bytes);
    } catch (error) {
      if (!(error instanceof PrintkitError)) throw error;
      throw new PrintkitError(`--restore ${restore}: ${error.message}`);
    }
  }

  /** Said before the run, not after it. */
  #checkCore(): void {
    const { core } = this.#options;
    if (core === undefined) return;
    const folder = path.dirname(core);
    const isFolder = fs.statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;
    if (!isFolder) throw new PrintkitError(`--core ${core}: there is no folder ${folder}`);
  }

  /** What a restart has left is worth more than a guest that was just left. */
  #writeLastCore(machine: Machine, guest: Guest, end: SessionEnd): void {
    if (end.kind === 'stuck') this.#writeCore(machine, guest, end.hart);
    else if (end.kind === 'exit' ? end.code !== 0 : !this.#coreWritten) {
      this.#writeCore(machine, guest);
    }
  }

  #writeCore(machine: Machine, guest: Guest, hart?: number): void {
    const { core } = this.#options;
    if (core === undefined) return;
    guest.writeCore(core, machine, hart);
    this.#coreWritten = true;
    this.#notice(`printkit: wrote the core file ${core}`);
  }

  #uartOptions(): UartOptions {
    const { uart, uartFault, baud, uartShift, uartWidth, uartOut2 } = this.#options;
    return {
      variant: uart,
      noBaud: !baud,
      registerShift: uartShift,
      registerBytes: uartWidth,
      out2GatesIrq: uartOut2,
      ...(uartFault && { fault: uartFault }),
    };
  }

  #checkSerials(): void {
    const { log = [], mirror = [] } = this.#options as Partial<RunOptions>;
    const count = this.#serials.length;
    if (count > 4) throw new PrintkitError(`--serial: at most four, not ${count}`);
    for (const { index } of [...log, ...mirror]) {
      if (index < count) continue;
      throw new PrintkitError(`there is no serial ${index}: give --serial ${index + 1} times`);
    }
    const stdio = [...this.#serials, ...mirror.map(({ spec }) => spec)].filter(
      ({ kind }) => kind === 'stdio',
    );
    if (stdio.length > 1 && !this.#stdin.isTerminal) {
      throw new PrintkitError('--serial stdio: more than one needs a terminal to switch between');
    }
  }

  // ---- lines ----------------------------------------------------------------------------------------

  async #attach(machine: Machine, guest: Guest): Promise<void> {
    const { log = [], mirror = [], backlog, logTime } = this.#options as Partial<RunOptions>;
    this.#stdout = new StdoutWriter(
      (code) => this.#stdoutFailed(code),
      () => this.#outputGoesOn(),
    );
    if (this.#stdin.isTerminal) this.#terminal = this.#createTerminal(machine, guest);
    for (const [serial, spec] of this.#serials.entries()) {
      const attachment = this.#createAttachment(machine, serial);
      const specs = mirror.filter(({ index }) => index === serial).map((entry) => entry.spec);
      for (const each of [spec, ...specs]) {
        await attachment.add(await this.#makeEnd(each, serial, backlog ?? 0));
      }
      for (const { path } of log.filter(({ index }) => index === serial)) {
        const { FileEnd } = await import('../lines/null.ts');
        const end = new FileEnd(path, { append: false, stamps: logTime === true, log: true });
        await attachment.add(end);
        this.#logs.push(end);
      }
    }
    this.#terminal?.start();
  }

  #createAttachment(machine: Machine, serial: number): LineAttachment {
    const attachment = new LineAttachment(`serial${serial}`, {
      wake: () => this.#session?.wake(),
      notice: (text) => this.#notice(text),
      failed: (end, reason, quiet) => this.#endFailed(end, reason, quiet),
    });
    const uart = machine.uarts[serial];
    if (uart === undefined) throw new Error(`the machine has no UART ${serial}`);
    attachment.setProbe({
      pending: () => uart.receivePending,
      // Without a baud rate, what waits in the UART's input queue cannot overrun the FIFO.
      capacity: () => (this.#options.baud ? uart.receiveCapacity : INPUT_QUEUE_CHARACTERS),
    });
    uart.attach(attachment);
    this.#attachments.push(attachment);
    return attachment;
  }

  async #makeEnd(spec: EndSpec, serial: number, backlogBytes: number): Promise<End> {
    if (spec.kind !== 'stdio') return makeEnd(spec, backlogBytes);
    if (this.#terminal !== undefined) return this.#terminal.end(serial);
    return new PlainStdio(this.#stdin, this.#stdout as StdoutWriter);
  }

  #notice(text: string): void {
    // On a terminal in raw mode, notices stand between the guest's lines.
    if (this.#terminal === undefined) process.stderr.write(`${text}\n`);
    else process.stderr.write(`\r${text}\r\n`);
  }

  #endFailed(end: End, reason: string, quiet: boolean): void {
    if (quiet) this.#quit(EXIT_SIGNAL['SIGPIPE'] ?? EXIT_ERROR);
    else this.#notice(`printkit: ${end.name} failed: ${reason}`);
  }

  /** Nobody reads our output any more (`| head`): leave as other tools do. */
  #stdoutFailed(code: string): void {
    if (code !== 'EPIPE' && code !== 'EIO') say(`cannot write standard output: ${code}`);
    this.#quit(code === 'EPIPE' ? (EXIT_SIGNAL['SIGPIPE'] ?? 0) : (EXIT_SIGNAL['SIGHUP'] ?? 0));
  }

  #outputGoesOn(): void {
    this.#terminal?.writable();
    this.#session?.wake();
  }

  // ---- terminal -------------------------------------------------------------------------------------

  #createTerminal(machine: Machine, guest: Guest): Terminal {
    const stdout = this.#stdout as StdoutWriter;
    const terminal = new Terminal(this.#stdin, stdout, this.#options.escape.key, {
      quit: () => this.#quit(0),
      sendBreak: (serial) => this.#attachments[serial]?.inputBreak(),
      toggleLog: () => this.#toggleLog(),
      monitorInput: (bytes) => this.#monitor?.input(bytes),
      monitorShown: () => this.#monitor?.shown(),
    });
    this.#monitor = new MonitorConsole(this.#monitorTarget(machine, guest), (text) =>
      terminal.output(Buffer.from(text)),
    );
    return terminal;
  }

  #monitorTarget(machine: Machine, guest: Guest): MonitorTarget {
    return {
      machine,
      attachments: this.#attachments,
      stopped: () => this.#session?.stopped === true,
      stop: () => this.#session?.stop(),
      cont: () => this.#session?.cont(),
      quit: () => this.#quit(0),
      wake: () => this.#session?.wake(),
      dump: (path) => guest.writeCore(path, machine),
      save: (path) => writeBytes('save', path, machine.save()),
    };
  }

  #toggleLog(): string {
    if (this.#logs.length === 0) return 'there is no log; start with --log FILE';
    for (const log of this.#logs) log.on = !log.on;
    return `log ${this.#logs[0]?.on === true ? 'on' : 'off'}`;
  }

  // ---- session --------------------------------------------------------------------------------------

  #createSession(machine: Machine, guest: Guest): Session {
    const { paced, unpaced, maxInstructions, nsPerInstruction } = this.#options;
    const isPaced = paced === true || (unpaced !== true && this.#stdin.isTerminal);
    const piped = this.#serials.findIndex(({ kind }) => kind === 'stdio');
    return new Session({
      machine,
      attachments: this.#attachments,
      listens: (serial) => machine.uarts[serial]?.receiveInterruptEnabled === true,
      silent: (serial) => machine.uarts[serial]?.transmitterEmpty !== false,
      paced: isPaced,
      nsPerInstruction,
      maxInstructions,
      pipedSerial: this.#stdin.isTerminal || piped < 0 ? undefined : piped,
      restart: () => {
        this.#writeCore(machine, guest);
        machine.load(guest.image);
      },
      runsOn: () => {
        say('no input for 3 s: the guest runs on, so this run cannot be repeated exactly');
      },
    });
  }

  async #trace(machine: Machine, guest: Guest): Promise<() => void> {
    const { trace, traceFile } = this.#options;
    if (!trace && traceFile === undefined) return () => undefined;
    const fd = traceFile === undefined ? 2 : openForWriting(traceFile);
    let text = '';
    const flush = () => {
      writeAll(fd, text);
      text = '';
    };
    const tracer = await guest.tracer(machine, (line) => {
      text += `${line}\n`;
      if (text.length > 65536) flush();
    });
    machine.trace = (hart) => tracer.before(hart);
    return () => {
      tracer.flush();
      flush();
      if (fd !== 2) fs.closeSync(fd);
    };
  }

  async #playLineScript(machine: Machine, guest: Guest): Promise<void> {
    const { lineScript } = this.#options;
    if (lineScript === undefined) return;
    const events = parseLineScript(readText(lineScript), lineScript, machine.uarts.length);
    const script = new LineScript(events, machine.clock, machine.uarts);
    const symbols = await guest.symbols();
    followSymbols(script, machine, (name) => symbols.find(name)?.address, lineScript);
  }

  #quit(code: number): void {
    if (this.#session === undefined) this.#earlyQuit ??= code;
    else this.#session.quit(code);
  }

  #installHandlers(): void {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const) {
      process.on(signal, () => this.#quit(EXIT_SIGNAL[signal] ?? EXIT_ERROR));
    }
    // A shell that puts us back into the foreground may have changed the terminal meanwhile.
    process.on('SIGCONT', () => {
      if (this.#terminal !== undefined) this.#stdin.makeRaw();
    });
    process.on('exit', () => this.restoreTerminal());
    const crash = (error: unknown) => {
      this.restoreTerminal();
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      process.stderr.write(`printkit: internal error: ${text}\n`);
      process.exit(EXIT_ERROR);
    };
    process.on('uncaughtException', crash);
    process.on('unhandledRejection', crash);
  }

  /** Delivers what is queued: for as long as it takes after the guest's own end. */
  async #close(end: SessionEnd): Promise<void> {
    const ms = end.kind === 'quit' ? QUIT_DRAIN_MS : Infinity;
    const left = await Promise.all(this.#attachments.map((attachment) => attachment.close(ms)));
    await this.#stdout?.drain(ms);
    this.#stdin.stop();
    // What the shell prints next begins on a line of its own.
    if (this.#terminal !== undefined) process.stderr.write('\r\n');
    const lost = left.reduce((sum, bytes) => sum + bytes, 0);
    if (lost > 0) say(`${lost} bytes of output were not read`);
  }
}

function exitCode(end: SessionEnd): number {
  switch (end.kind) {
    case 'exit':
    case 'quit':
      return end.code & 0xff;
    case 'limit':
    case 'asleep':
      return EXIT_LIMIT;
    case 'stuck':
      return EXIT_DIED;
  }
}

function readText(path: string): string {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new PrintkitError(`cannot read ${path}: ${code}`);
  }
}

function openForWriting(path: string): number {
  try {
    return fs.openSync(path, 'w');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new PrintkitError(`cannot write ${path}: ${code}`);
  }
}

/** Writes synchronously, also to a pipe in non-blocking mode. */
function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) {
    try {
      at += fs.writeSync(fd, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
    }
  }
}
