// What the far ends of the serial lines do while a machine is explored: the inputs of a line script, in
// their order, and what may be injected at any moment without a script. By the UART's clock a script's
// input comes at its scripted time; how far the harts have come by then is the search's choice.

import { applyLineInput, type LineInput, type ModemInputs } from '../../devices/uart8250/line.ts';
import type { Uart8250 } from '../../devices/uart8250/index.ts';
import type { ScriptedInput } from '../lines/line-script.ts';
import type { Machine } from '../machine/machine.ts';
import type { Access } from './model.ts';
import type { Stepper } from './stepper.ts';

/** What may come to the first UART at any moment: a character, a change of CTS or DSR, a BREAK. */
export const LINE_INJECTIONS = ['uart-rx', 'uart-cts', 'uart-dsr', 'uart-break'] as const;
export type LineInjection = (typeof LINE_INJECTIONS)[number];

/** Something that can happen on a line. */
export interface LineEvent {
  readonly name: string;
  readonly injected: boolean;
  /** When the script has it, in instructions since the start; Infinity if no script has. */
  readonly dueTime: number;
  readonly canHappen: () => boolean;
  /** Makes it happen, and tells what it accessed. */
  readonly happen: () => readonly Access[];
}

const KIND_LINE_EVENT = -22;
/** The character that injections bring. */
const INJECTED_BYTE = 0x61;
/** A BREAK that is long enough to be one at any speed that is in use, ns. */
const BREAK_NS = 250_000_000;

interface Position {
  readonly next: number;
}

export class LineEvents {
  readonly all: readonly LineEvent[];
  readonly #machine: Machine;
  readonly #stepper: Stepper;
  /** Index of the script's next input. */
  #next = 0;

  constructor(
    machine: Machine,
    stepper: Stepper,
    script: readonly ScriptedInput[],
    injections: readonly LineInjection[],
  ) {
    this.#machine = machine;
    this.#stepper = stepper;
    const names = namesOf(script, machine.uarts);
    this.all = [
      ...script.map((input, i) => this.#scriptedEvent(input, i, names[i])),
      ...injections.map((injection) => this.#injectedEvent(injection)),
    ];
  }

  /** Number of the script's next input: what this adds to the state of the machine. */
  get position(): number {
    return this.#next;
  }

  /** Undoes a record of this class. @returns false for those of others. */
  undo(kind: number): boolean {
    if (kind !== KIND_LINE_EVENT) return false;
    this.#next = (this.#stepper.log.popObject() as Position).next;
    return true;
  }

  #scriptedEvent({ atNs, uart, input }: ScriptedInput, index: number, name: string): LineEvent {
    const port = this.#machine.uarts[uart];
    const { time } = this.#stepper;
    return {
      name,
      injected: false,
      dueTime: Math.max(0, time.at(atNs)),
      canHappen: () => this.#next === index,
      happen: () => {
        const before: Position = { next: this.#next };
        this.#stepper.log.pushObject(KIND_LINE_EVENT, before);
        this.#next = index + 1;
        return this.#act(port, Math.max(0, time.at(atNs)), atNs, () => {
          applyLineInput(port, input);
        });
      },
    };
  }

  #injectedEvent(injection: LineInjection): LineEvent {
    const [uart] = this.#machine.uarts;
    const { board, time } = this.#stepper;
    const { words, ...event } = this.#injectionOf(injection, uart);
    const address = this.#addressOf(uart);
    return {
      name: `${uart.name} ${words}`,
      injected: true,
      dueTime: Infinity,
      canHappen: event.canHappen,
      // No hart has to wait for it: it comes when the UART was last dealt with.
      happen: () => this.#act(uart, 0, time.toNs(board.timeAt(address)), event.happen),
    };
  }

  #injectionOf(injection: LineInjection, uart: Uart8250) {
    const changes = (input: keyof ModemInputs, words: string) => ({
      words,
      canHappen: () => true,
      happen: () => uart.setModemInputs({ [input]: !uart.inspect().inputs[input] }),
    });
    const isFree = (): boolean => uart.receivePending === 0;
    switch (injection) {
      case 'uart-rx':
        return {
          words: 'is sent a character',
          canHappen: isFree,
          happen: () => {
            uart.receive({ byte: INJECTED_BYTE });
            this.#arrive(uart);
          },
        };
      case 'uart-break':
        return {
          words: 'is sent a BREAK',
          canHappen: isFree,
          happen: () => {
            const { clock } = this.#machine;
            const begin = clock.now;
            uart.setBreak(true);
            this.#arrive(uart);
            clock.travel(begin + BREAK_NS);
            uart.setBreak(false);
            this.#arrive(uart);
          },
        };
      case 'uart-cts':
        return changes('cts', 'CTS changes');
      case 'uart-dsr':
        return changes('dsr', 'DSR changes');
    }
  }

  /** What is on the wire to a UART is there. */
  #arrive(uart: Uart8250): void {
    const { clock } = this.#machine;
    const timer = clock.names.indexOf(`${uart.name}.rx`);
    const deadline = clock.deadlineOf(timer);
    if (deadline === Infinity) return;
    clock.travel(deadline);
    clock.expire(timer);
  }

  /** @param now what harts that are interrupted by it come to at least, in instructions */
  #act(uart: Uart8250, now: number, atNs: number, action: () => void): readonly Access[] {
    const { board, log } = this.#stepper;
    this.#machine.clock.travel(atNs);
    return board.act(log, uart.name, now, () => {
      action();
      return [{ address: this.#addressOf(uart), bytes: 4, kind: 'write' }];
    });
  }

  #addressOf(uart: Uart8250): number {
    return this.#machine.bus.regions.find(({ name }) => name === uart.name)?.base ?? 0;
  }
}

/** Distinct names: what happens, and the how manieth time it is if it happens several times. */
function namesOf(script: readonly ScriptedInput[], uarts: readonly Uart8250[]): string[] {
  const names = script.map(({ uart, input }) => `${uarts[uart].name} ${describe(input)}`);
  return names.map((name, i) => {
    const earlier = names.slice(0, i).filter((other) => other === name).length;
    return earlier === 0 ? name : `${name} (${earlier + 1})`;
  });
}

function describe(input: LineInput): string {
  switch (input.kind) {
    case 'receive':
      return `is sent ${JSON.stringify(String.fromCharCode(input.character.byte))}`;
    case 'break':
      return input.on ? 'BREAK begins' : 'BREAK ends';
    case 'modem':
      return Object.entries(input.inputs)
        .map(([signal, on]) => `${signal.toUpperCase()} ${on ? 'on' : 'off'}`)
        .join(', ');
    case 'ready':
      return input.ready ? 'far end ready' : 'far end not ready';
    case 'rtsFlow':
      return input.on ? 'RTS is obeyed' : 'RTS is ignored';
    case 'overrun':
      return 'overrun';
  }
}
