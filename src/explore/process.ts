// Which thread of control a step belongs to: the task context of a hart, the handlers in it, a device.

import type { Agent, AgentId, Step } from './model.ts';

/**
 * A thread of control in the sense of partial-order reduction, named by the agent that starts it: a
 * hart's task context, the handler that an interrupt agent brings about, a device.
 */
export type ProcessId = number;

/** An agent whose steps are interrupts being taken. */
export const isInterrupt = ({ kind }: Agent): boolean => kind === 'irq' || kind === 'nmi';

/** What is on each hart while steps are taken and taken back. */
export class ContextStacks {
  readonly #agents: readonly Agent[];
  /** For each hart the processes on it, outermost first; the last one runs. */
  readonly #stacks: (readonly ProcessId[])[] = [];
  readonly #undo: { readonly hart: number; readonly stack: readonly ProcessId[] }[] = [];

  constructor(agents: readonly Agent[]) {
    this.#agents = agents;
    for (const agent of agents) {
      if (agent.kind === 'hart' && agent.hart !== undefined) this.#stacks[agent.hart] = [agent.id];
    }
  }

  /** The processes on a hart, outermost first. */
  on(hart: number): readonly ProcessId[] {
    return this.#stacks[hart];
  }

  /** The process that an agent's next step belongs to. */
  processOf(agent: AgentId): ProcessId {
    const { kind, hart } = this.#agents[agent];
    return kind === 'hart' && hart !== undefined ? (this.#stacks[hart].at(-1) ?? agent) : agent;
  }

  /** A step is taken. @returns the process that it belongs to */
  enter(step: Step): ProcessId {
    const agent = this.#agents[step.agent];
    if (agent.hart === undefined) {
      this.#undo.push(NO_CHANGE);
      return agent.id;
    }
    const before = this.#stacks[agent.hart];
    const isEntry = isInterrupt(agent);
    // Nothing but a trap or a return from one changes what is on the hart.
    if (!isEntry && step.depth === step.depthAfter && before.length === step.depth + 1) {
      this.#undo.push(NO_CHANGE);
      return before[step.depth];
    }
    this.#undo.push({ hart: agent.hart, stack: before });
    const stack = before.slice(0, isEntry ? step.depth : step.depth + 1);
    // A synchronous trap belongs to the context that caused it.
    const below = stack.at(-1) ?? agent.id;
    while (stack.length < step.depth) stack.push(below);
    if (isEntry) stack.push(agent.id);
    else if (stack.length === step.depth) stack.push(below);
    this.#stacks[agent.hart] = stack.slice(0, step.depthAfter + 1);
    return stack[step.depth];
  }

  /** The last step is taken back. */
  leave(): void {
    const undo = this.#undo.pop();
    if (undo !== undefined && undo.hart >= 0) this.#stacks[undo.hart] = undo.stack;
  }
}

const NO_CHANGE = { hart: -1, stack: [] };
