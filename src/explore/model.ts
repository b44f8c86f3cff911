// What a search drives: a system whose agents take visible steps, one at a time, and that can go back.
// The machine is one such system; small models in the tests are others. Pure: no I/O, no clock.

import type { LockWarning } from './lock-order.ts';
import type { Fault } from './message-fault.ts';

/** Number of an agent: its index in `Model.agents`. Harts come first, then what else can act. */
export type AgentId = number;

/** Who can act. A hart's own steps; an interrupt or NMI that arrives at a hart; a device that completes. */
export interface Agent {
  readonly id: AgentId;
  readonly kind: 'hart' | 'irq' | 'nmi' | 'device';
  /** Hart that the steps run on or the interrupt arrives at; undefined for a device. */
  readonly hart: number | undefined;
  /** As reports show it: "hart 1", "timer irq at hart 0", "uart0 THR empty". */
  readonly name: string;
  /**
   * It comes from outside (a key, the NMI button) and may as well never come: a state in which only
   * such agents can act is a deadlock. Interrupts that follow from what the guest did (an armed timer,
   * an empty THR, an IPI) are not injected: they have to come at some point.
   */
  readonly injected: boolean;
}

/**
 * One access of a step, to the byte. A failed compare-and-swap or store-conditional is a read, and so
 * is an AMO that leaves the value as it was. State that is not memory has addresses too, from 2^32 up
 * (a hart's pending interrupts, say): whatever one agent changes and another one's step depends on.
 */
export interface Access {
  readonly address: number;
  readonly bytes: number;
  readonly kind: 'read' | 'write';
}

/**
 * What one visible step did. Two steps conflict if they share a byte and one of them writes it.
 * The step of an 'irq' or 'nmi' agent is the entry alone: the hart's next steps are the handler's. It
 * reads what made the interrupt pending (the msip word, the device's register), so that the store that
 * raised it conflicts with it.
 */
export interface Step {
  readonly agent: AgentId;
  /** Context that ran: how deep in interrupts and NMIs the hart is (0 = task); of an entry, the new one. */
  readonly depth: number;
  /** Context in which the hart goes on: one less than `depth` after an mret out of a handler. */
  readonly depthAfter: number;
  readonly accesses: readonly Access[];
  /** Where the visible operation was; for reports. */
  readonly pc: number;
  /**
   * The step changed which interrupts its hart takes, whether or not one is pending: a write to
   * mstatus.MIE, mie or the like, or it was the hart's last one. Entries and returns need not say it.
   * Such a step reads what makes interrupts pending, since a pending one would have come before it.
   */
  readonly changesInterruptEnable?: boolean;
}

/** A point to come back to. Marks nest: rewinding to one forgets those made after it. */
export type Mark = number;

/** How an execution ended. */
export type Ending =
  | { readonly kind: 'done' }
  /** No agent can ever do anything again (injected ones aside), and the work is not done. */
  | { readonly kind: 'deadlock'; readonly waiting: readonly AgentId[] }
  | { readonly kind: 'failed'; readonly reason: string }
  /** Everybody takes turns, and the same state comes back. */
  | { readonly kind: 'livelock' }
  /** What went out of the wire is not what was stored. */
  | { readonly kind: 'messages'; readonly fault: Fault; readonly text: string }
  /** Cut off by a bound on steps. */
  | { readonly kind: 'cut'; readonly reason: string };

/** What a search is told about the locks of a guest. */
export interface LockHints {
  /** Warnings so far, over all executions. */
  readonly order: { readonly warnings: readonly LockWarning[] };
  /** Names of the locks that a hart has or has asked for. */
  classesOf(hart: number): readonly string[];
}

export interface Model {
  readonly agents: readonly Agent[];
  /**
   * Agents that can take their next visible step now, in the order of their numbers. An interrupt is
   * among them while it is pending (or may be injected) and its hart would take it right now.
   * A hart that spins over what it has already seen, and one in wfi, are not.
   */
  enabled(): readonly AgentId[];
  /**
   * What a hart that is not enabled waits for: the reads of the spin loop that it is parked in, the
   * interrupt state that wfi looks at. Empty if it is at its end. Of an interrupt: what its entry reads.
   */
  waitsOn(agent: AgentId): readonly Access[];
  /** A hart goes round in a loop and waits, enabled or not: to leave it there disturbs nothing. */
  isIdle?(agent: AgentId): boolean;
  /** A hart that waits goes on looking at what it waits for: its next step changes nothing. */
  looksAround?(agent: AgentId): boolean;
  /** What an enabled agent's next step accesses, if that is known before it is taken. */
  next?(agent: AgentId): readonly Access[] | undefined;
  /** When an enabled agent would act in the system's own run, on a scale that all agents share. */
  dueTime?(agent: AgentId): number;
  /** Takes one visible step of an enabled agent. */
  step(agent: AgentId): Step;
  /** Undefined while the execution can go on. */
  ending(): Ending | undefined;
  mark(): Mark;
  /** Back to a mark; it stays and can be rewound to again. */
  rewind(mark: Mark): void;
  /** Forgets a mark and those made after it, without going back. */
  release(mark: Mark): void;
  /** The state as a short text, time and counters left out: equal text, equal future. For livelocks. */
  state?(): string;
  /** A part of that which is quick to tell: equal states have equal ones. */
  glance?(): string;
  /** What is known about locks, for a search that looks for what a warning about them says. */
  readonly locks?: LockHints | undefined;
  /** Would this waiting hart go on if it looked again (woken by nobody)? Tells a lost wakeup. */
  wouldProceed?(agent: AgentId): boolean;
  /** The pending interrupt that some hart holds off, and whose handler would let this waiting hart go on. */
  heldOff?(agent: AgentId): AgentId | undefined;
}
