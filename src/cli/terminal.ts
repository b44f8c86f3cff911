// The user's terminal when it is one: raw mode, the escape key, and one view at a time of the
// serials that are attached to it and of the monitor.

import { Backlog } from '../lines/byte-queue.ts';
import { CONNECTED } from '../lines/attachment.ts';
import type { End, EndListener } from '../lines/end.ts';
import { clockStamp, LineStamper } from '../lines/stamp.ts';
import type { Stdin, StdoutWriter } from '../lines/stdio.ts';
import { controlName, type EscapeCommand, escapeHelp, EscapeParser } from './escape.ts';

/** What a serial prints while another one is on the screen, kept for its turn. */
const HIDDEN_BYTES = 64 * 1024;

/** One of the things that the terminal can show and type into. */
interface View {
  readonly title: string;
  input(bytes: Uint8Array): void;
  shown(): void;
}

export interface TerminalEvents {
  quit(): void;
  sendBreak(serial: number): void;
  toggleLog(): string;
  monitorInput(bytes: Uint8Array): void;
  monitorShown(): void;
}

/** A serial's end on the terminal. */
class TerminalEnd implements End, View {
  readonly name = 'stdio';
  readonly title: string;
  readonly serial: number;
  readonly #terminal: Terminal;
  readonly #hidden = new Backlog(HIDDEN_BYTES);
  #listener: EndListener | undefined;
  #lost = 0;

  constructor(terminal: Terminal, serial: number) {
    this.#terminal = terminal;
    this.serial = serial;
    this.title = `serial${serial}`;
  }

  open(listener: EndListener): Promise<void> {
    this.#listener = listener;
    listener.modemChanged(CONNECTED);
    return Promise.resolve();
  }

  write(bytes: Uint8Array): void {
    if (this.#terminal.isShown(this)) this.#terminal.output(bytes);
    else this.#hidden.push(bytes);
  }

  shown(): void {
    this.#lost += this.#hidden.lost;
    this.#terminal.output(this.#hidden.take());
  }

  input(bytes: Uint8Array): void {
    this.#listener?.received(bytes);
  }

  writable(): void {
    this.#listener?.writable();
  }

  inputEnded(): void {
    this.#listener?.inputEnded();
  }

  get full(): boolean {
    return this.#terminal.isShown(this) && this.#terminal.full;
  }

  get queuedBytes(): number {
    return this.#terminal.queuedBytes;
  }

  get lostBytes(): number {
    return this.#lost;
  }

  pauseInput(paused: boolean): void {
    this.#terminal.pauseInput(paused);
  }

  close(ms: number): Promise<number> {
    return this.#terminal.drain(ms);
  }
}

export class Terminal {
  readonly #stdin: Stdin;
  readonly #stdout: StdoutWriter;
  readonly #escape: number | undefined;
  readonly #events: TerminalEvents;
  readonly #ends: TerminalEnd[] = [];
  readonly #monitor: View;
  readonly #parser: EscapeParser;
  readonly #stamper = new LineStamper(() => clockStamp(new Date()));
  #stamps = false;
  #shown: View;

  constructor(
    stdin: Stdin,
    stdout: StdoutWriter,
    escape: number | undefined,
    events: TerminalEvents,
  ) {
    this.#stdin = stdin;
    this.#stdout = stdout;
    this.#escape = escape;
    this.#events = events;
    this.#monitor = {
      title: 'monitor',
      input: (bytes) => events.monitorInput(bytes),
      shown: () => events.monitorShown(),
    };
    this.#shown = this.#monitor;
    this.#parser = new EscapeParser(escape, {
      input: (bytes) => this.#shown.input(bytes),
      command: (command) => this.#command(command),
      unknown: (key) => this.#unknownKey(key),
    });
  }

  /** An end of serial `serial` on this terminal. The first one is shown. */
  end(serial: number): End {
    const end = new TerminalEnd(this, serial);
    this.#ends.push(end);
    if (this.#ends.length === 1) this.#shown = end;
    return end;
  }

  start(): void {
    this.#stdin.start(
      (bytes) => this.#parser.push(bytes),
      () => this.#ends.forEach((end) => end.inputEnded()),
    );
  }

  get monitorIsShown(): boolean {
    return this.#shown === this.#monitor;
  }

  isShown(view: View): boolean {
    return view === this.#shown;
  }

  output(bytes: Uint8Array): void {
    this.#stdout.write(this.#stamps ? this.#stamper.push(bytes) : bytes);
  }

  get full(): boolean {
    return this.#stdout.full;
  }

  get queuedBytes(): number {
    return this.#stdout.queuedBytes;
  }

  /** The terminal takes output again. */
  writable(): void {
    for (const end of this.#ends) end.writable();
  }

  pauseInput(paused: boolean): void {
    this.#stdin.pause(paused);
  }

  drain(ms: number): Promise<number> {
    return this.#stdout.drain(ms);
  }

  /** A line of ours, told apart from the guest's by its first word. */
  say(text: string): void {
    this.#stdout.write(Buffer.from(`\r\nprintkit: ${text}\r\n`));
  }

  #command(command: EscapeCommand): void {
    switch (command) {
      case 'quit':
        this.#events.quit();
        return;
      case 'help':
        if (this.#escape !== undefined) {
          this.#stdout.write(Buffer.from(`\r\n${escapeHelp(this.#escape).join('\r\n')}\r\n`));
        }
        return;
      case 'break':
        if (this.#shown instanceof TerminalEnd) this.#events.sendBreak(this.#shown.serial);
        else this.#events.sendBreak(0);
        return;
      case 'switch':
        this.#next();
        return;
      case 'stamps':
        this.#stamps = !this.#stamps;
        this.say(`time stamps ${this.#stamps ? 'on' : 'off'}`);
        return;
      case 'log':
        this.say(this.#events.toggleLog());
        return;
    }
  }

  #next(): void {
    const views: View[] = [...this.#ends, this.#monitor];
    const at = views.indexOf(this.#shown);
    this.#shown = views[(at + 1) % views.length];
    this.say(this.#shown.title);
    this.#shown.shown();
  }

  #unknownKey(key: string): void {
    if (this.#escape === undefined) return;
    const shown = /^[ -~]$/.test(key) ? key : 'that key';
    this.say(`${shown} means nothing after ${controlName(this.#escape)}; h for help`);
  }
}
