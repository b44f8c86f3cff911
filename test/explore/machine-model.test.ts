// The machine as a model: what a visible step is, what can be taken back, when interrupts, timers and
// devices act, how waiting loops and time behave, and that a recording repeats an execution.
import { describe, expect, it } from 'vitest';
import type { MachineModel } from '../../src/explore/machine-model.ts';
import type { Access, AgentId, Step } from '../../src/explore/model.ts';
import { record, replayRecording } from '../../src/explore/recording.ts';
import type { Recording } from '../../src/explore/recording.ts';
import { lockInHandler, philosophers, program, racyIncrement } from './programs.ts';
import type { Program } from './programs.ts';

const agentOf = (model: MachineModel, name: string): AgentId => {
  const agent = model.agents.find((each) => each.name === name);
  if (agent === undefined) throw new Error(`no agent ${name}`);
  return agent.id;
};

const namesOf = (model: MachineModel): string[] =>
  model.enabled().map((agent) => model.agents[agent].name);

/** Steps the first enabled agent, until nothing is enabled or the execution is at its end. */
function runOut(model: MachineModel): Step[] {
  const steps: Step[] = [];
  while (model.ending() === undefined && steps.length < 1000) {
    const [first] = model.enabled();
    if (first === undefined) break;
    steps.push(model.step(first));
  }
  return steps;
}

/** Runs executions until nothing more becomes visible; the model is at its start then. */
function settle(model: MachineModel, seed = 1): void {
  for (let round = 0; round < 20; round++) {
    walk(model, seed + round, 300);
    model.restart();
  }
}

/** A random walk; the same for the same seed. */
function walk(model: MachineModel, seed: number, stepsMax: number): AgentId[] {
  const taken: AgentId[] = [];
  let state = seed;
  while (model.ending() === undefined && taken.length < stepsMax) {
    const enabled = model.enabled();
    if (enabled.length === 0) break;
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    const agent = enabled[(state >>> 8) % enabled.length];
    model.step(agent);
    taken.push(agent);
  }
  return taken;
}

const touched = (steps: readonly Step[]): Access[] => steps.flatMap(({ accesses }) => accesses);

describe('a visible step', () => {
  it('is an access to bytes that two harts touch, to the byte; others are none', () => {
    const body = (own: number) => `
      la s0, bytes
      li t0, 9
      sb t0, ${own}(s0)
      sb t0, 2(s0)
      lw t1, 4(s0)`;
    const p = program([body(0), body(1)], { rest: '.data\n bytes: .word 0, 5' });
    settle(p.model);
    const steps = runOut(p.model);
    const at = p.at('bytes');
    expect(touched(steps)).toEqual([
      { address: at + 2, bytes: 1, kind: 'write' },
      // The same value again: a read.
      { address: at + 2, bytes: 1, kind: 'read' },
    ]);
  });

  it('is a read when an AMO changes nothing or an SC fails', () => {
    const p = program(
      [
        'la s0, word\n li t0, 1\n amoor.w t1, t0, (s0)\n amoor.w t1, t0, (s0)\n sc.w t2, t0, (s0)',
        'la s0, word\n lw t0, (s0)',
      ],
      { rest: '.data\n word: .word 0' },
    );
    settle(p.model);
    const accesses = touched(runOut(p.model)).filter(({ address }) => address < 2 ** 32);
    expect(accesses.map(({ kind }) => kind)).toEqual([...['write', 'read', 'read', 'read']]);
  });

  it('has the accesses that only handlers of its hart can meet, where they cannot come', () => {
    const p = lockInHandler();
    settle(p.model);
    const steps = runOut(p.model);
    // The lock is shared between the hart's task and its handler only: steps while MIE is set.
    const lock = touched(steps).filter(({ address }) => address === p.at('lock'));
    expect(lock.length).toBeGreaterThanOrEqual(2);
  });

  it('is none on the stack that a handler borrows from what it interrupts', () => {
    const task = `
      la t0, handler
      csrw mtvec, t0
      la sp, top
      li t0, MSIE
      csrw mie, t0
      li t0, 1
      li t1, MSIP
      csrsi mstatus, MIE
      sw t0, (t1)
      sw t0, -4(sp)
      lw t2, -4(sp)
      addi sp, sp, -16
      sw t0, 8(sp)
      lw t2, 8(sp)
      addi sp, sp, 16
      csrci mstatus, MIE`;
    const handler = `
      .balign 4
    handler:
      addi sp, sp, -32
      sw s5, 28(sp)
      sw s6, 24(sp)
      li s5, MSIP
      sw zero, (s5)
      lw s6, 24(sp)
      lw s5, 28(sp)
      addi sp, sp, 32
      mret
      .data
    stack: .zero 256
    top: .word 0`;
    const p = program([task], { rest: handler });
    settle(p.model);
    for (let seed = 1; seed < 5; seed++) {
      const steps: Step[] = [];
      let state = seed;
      while (p.model.ending() === undefined) {
        const enabled = p.model.enabled();
        steps.push(p.model.step(enabled[state++ % enabled.length]));
      }
      const onStack = touched(steps).filter(
        ({ address }) => address >= p.at('stack') && address < p.at('top'),
      );
      expect(onStack).toEqual([]);
      p.model.restart();
    }
  });

  it('never goes past the code that it changes', () => {
    const p = program(
      [
        `la s0, patched
         li t0, 0x00700513  # addi a0, zero, 7
         sw t0, (s0)
         fence.i
       patched:
         addi a0, zero, 3
         la s1, result
         sw a0, (s1)`,
      ],
      { rest: '.data\n result: .word 0' },
    );
    runOut(p.model);
    expect(p.word('result')).toBe(7);
    p.model.restart();
    expect(p.word('result')).toBe(0);
    runOut(p.model);
    expect(p.word('result')).toBe(7);
  });
});

/** All that a step can change. */
function stateOf({ machine, model }: Program): unknown {
  return {
    harts: machine.harts
      .map((hart) => ({ ...hart.save(), wakeNs: 0 }))
      .map(({ x, numbers }) => ({
        x,
        numbers: { ...numbers, wakeNs: 0, localNs: 0 },
      })),
    times: model.stepper.tracks.map(({ time, depth, standing }) => [time, depth, standing]),
    enabled: namesOf(model),
    sent: model.stepper.board.sent.map((bytes) => [...bytes]),
    uart: machine.uarts[0].save(),
    plic: machine.plic.save(),
    memory: machine.memory.i32.slice(0, 4096).join(),
  };
}

/** A guest with everything: locks, a handler with its own, IPIs, UART output and its interrupt. */
function everything(): Program {
  const task = (other: number) => `
    la t0, handler
    csrw mtvec, t0
    li t0, MSIE | MEIE
    csrw mie, t0
    la s0, lock
    la s2, counter
    csrsi mstatus, MIE
    li s3, 2
  again${other}:
    li t0, 1
    li t1, MSIP + ${4 * other}
    sw t0, (t1)
    csrci mstatus, MIE
    spin_lock s0
    lw t2, (s2)
    addi t2, t2, 1
    sw t2, (s2)
    li t3, UART
    sb t2, (t3)
    spin_unlock s0
    csrsi mstatus, MIE
    addi s3, s3, -1
    bnez s3, again${other}
    csrci mstatus, MIE`;
  const rest = `
    .balign 4
  handler:
    csrr s5, mhartid
    slli s5, s5, 2
    li s6, MSIP
    add s6, s6, s5
    sw zero, (s6)
    la s7, seen
    amoadd.w s8, s6, (s7)
    mret
    .data
  lock: .word 0
  counter: .word 0
  seen: .word 0`;
  return program([task(1), task(0)], { rest });
}

describe('taking steps back', () => {
  it('leaves no trace, wherever it begins', () => {
    const p = everything();
    settle(p.model);
    const start = p.model.mark();
    for (let seed = 1; seed <= 12; seed++) {
      walk(p.model, seed, 3 * seed);
      const mark = p.model.mark();
      const before = stateOf(p);
      const state = p.model.state();
      const taken = walk(p.model, seed + 100, 1000);
      const after = stateOf(p);
      p.model.rewind(mark);
      expect(stateOf(p)).toEqual(before);
      expect(p.model.state()).toBe(state);
      for (const agent of taken) p.model.step(agent);
      expect(stateOf(p)).toEqual(after);
      p.model.rewind(start);
    }
  });
});

describe('interrupts', () => {
  const WINDOW = `
    la t0, handler
    csrw mtvec, t0
    li t0, MSIE
    csrw mie, t0
    la s0, word`;
  const HANDLER = `
    .balign 4
  handler:
    li s5, MSIP
    sw zero, (s5)
    la s6, word
    lw s7, (s6)
    mret
    .data
  word: .word 0`;

  it('that are pending when they are enabled come before anything else', () => {
    const p = program(
      [`${WINDOW}\n li t0, 1\n li t1, MSIP\n sw t0, (t1)\n csrsi mstatus, MIE\n sw t0, (s0)`],
      { rest: HANDLER },
    );
    settle(p.model);
    const before = new Set<string>();
    while (!namesOf(p.model).some((name) => name.startsWith('software'))) {
      before.add(namesOf(p.model).join());
      p.model.step(p.model.enabled()[0]);
    }
    expect(before).toEqual(new Set(['hart 0']));
    expect(namesOf(p.model)).toEqual(['software interrupt at hart 0']);
  });

  it('that become pending later may be late, but come before the hart can disable them', () => {
    const p = program(
      [
        `${WINDOW}\n csrsi mstatus, MIE\n li t0, 1\n li t1, MSIP\n sw t0, (t1)
         sw t0, (s0)\n lw t2, (s0)\n csrci mstatus, MIE`,
      ],
      { rest: HANDLER },
    );
    settle(p.model);
    const hart = agentOf(p.model, 'hart 0');
    const irq = agentOf(p.model, 'software interrupt at hart 0');
    let late = 0;
    while (p.model.enabled().includes(hart)) {
      if (p.model.enabled().includes(irq)) late++;
      p.model.step(hart);
    }
    expect(late).toBeGreaterThanOrEqual(2);
    expect(p.model.enabled()).toEqual([irq]);
    const entry = p.model.step(irq);
    expect(entry).toMatchObject({ depth: 1, depthAfter: 1 });
  });

  it('nest: an NMI in a handler is one deeper, and mret and mnret lead out again', () => {
    const task = `
      la t0, handler
      csrw mtvec, t0
      la t0, nmi_handler
      li t1, NMI
      sw t0, (t1)
      csrsi 0x744, MIE
      li t0, MSIE
      csrw mie, t0
      li t0, 1
      li t1, MSIP
      sw t0, (t1)
      csrsi mstatus, MIE`;
    const handlers = `
      .balign 4
    handler:
      li s5, MSIP
      sw zero, (s5)
      mret
      .balign 4
    nmi_handler:
      la s9, word
      sw s9, (s9)
      .word 0x70200073    # mnret
      .data
    word: .word 0`;
    const p = program([task], { rest: handlers, region: { inject: ['nmi'] } });
    settle(p.model);
    const hart = agentOf(p.model, 'hart 0');
    const irq = agentOf(p.model, 'software interrupt at hart 0');
    const nmi = agentOf(p.model, 'NMI at hart 0');
    while (!p.model.enabled().includes(irq)) p.model.step(hart);
    p.model.step(irq);
    expect(p.model.agents[nmi].injected).toBe(true);
    expect(p.model.step(nmi)).toMatchObject({ depth: 2, depthAfter: 2 });
    const depths: number[] = [];
    while (p.model.enabled().includes(hart)) depths.push(p.model.step(hart).depth);
    expect(depths[0]).toBe(2);
    expect([...depths].sort().reverse()).toEqual(depths);
    expect(depths.at(-1)).toBeLessThanOrEqual(1);
  });
});

describe('waiting', () => {
  const spinner = 'la s0, flag\n 1: lw t0, (s0)\n beqz t0, 1b';

  it('a hart in a spin loop is parked until what it reads is written', () => {
    const p = program([spinner, 'la s0, flag\n li t0, 1\n sw t0, (s0)'], {
      rest: '.data\n flag: .word 0',
    });
    settle(p.model);
    expect(namesOf(p.model)).toEqual(['hart 1']);
    expect(p.model.waitsOn(0)).toEqual([{ address: p.at('flag'), bytes: 4, kind: 'read' }]);
    p.model.step(1);
    expect(namesOf(p.model)).toEqual(['hart 0']);
  });

  it('a hart that spins over what nobody else touches waits for it all the same', () => {
    const p = program(['la s0, own\n spin_lock s0\n spin_lock s0'], {
      rest: '.data\n own: .word 0',
    });
    settle(p.model);
    runOut(p.model);
    expect(p.model.enabled()).toEqual([]);
    expect(p.model.waitsOn(0).map(({ address }) => address)).toEqual([p.at('own')]);
  });

  it('a loop with a counter runs out only when nobody else can do anything', () => {
    const counts = `
      la s0, flag
      li t1, 300
    1: lw t0, (s0)
      bnez t0, 2f
      addi t1, t1, -1
      bnez t1, 1b
    2:`;
    const busy = 'la s1, flag2\n li t0, 5\n sw t0, (s1)\n sw zero, (s1)\n lw t1, flag';
    const p = program([counts, busy], { rest: '.data\n flag: .word 0\n flag2: .word 0' });
    // Nobody writes the flag; a reader alone would make it constant.
    p.model.learn([], [{ address: p.at('flag'), bytes: 4 }]);
    p.model.restart();
    settle(p.model);
    expect(namesOf(p.model)).toEqual(['hart 1']);
    while (p.model.enabled().includes(1)) p.model.step(1);
    expect(namesOf(p.model)).toEqual(['hart 0']);
    p.model.step(0);
    expect(p.model.ending()).toEqual({ kind: 'done' });
    expect(p.machine.harts[0].x[6]).toBe(0);
  });

  it('tells a missed wakeup from one that never came', () => {
    const sleeper = 'la s0, flag\n 1: wfi\n lw t0, (s0)\n beqz t0, 1b';
    const p = program([sleeper, 'la s0, flag\n li t0, 1\n sw t0, (s0)'], {
      rest: '.data\n flag: .word 0',
    });
    // Nobody reads the flag as long as nobody wakes the sleeper.
    p.model.learn([], [{ address: p.at('flag'), bytes: 4 }]);
    settle(p.model);
    expect(p.model.wouldProceed(0)).toBe(false);
    while (p.model.enabled().includes(1)) p.model.step(1);
    expect(p.model.enabled()).toEqual([]);
    expect(p.model.wouldProceed(0)).toBe(true);
  });

  it('a hart that jumps to itself is at its end', () => {
    const p = program(['j .', 'nop'], {});
    expect(p.model.enabled()).toEqual([]);
    expect(p.model.waitsOn(0)).toEqual([]);
  });
});

describe('time', () => {
  it('is no visible step, and a loop that waits for it ends soon', () => {
    const p = program([
      'li s0, MTIME\n lw t0, (s0)\n li t1, 1000000\n add t1, t0, t1\n 1: lw t0, (s0)\n bltu t0, t1, 1b',
    ]);
    expect(p.model.ending()).toEqual({ kind: 'done' });
    expect(p.machine.harts[0].steps).toBeLessThan(5_000);
  });

  it('does not go backwards from a writer to who reads it', () => {
    const writer =
      'la s0, word\n li t0, 5000\n 1: addi t0, t0, -1\n bnez t0, 1b\n li s1, MTIME\n lw t1, (s1)\n sw t1, (s0)';
    const reader = 'la s0, word\n lw t0, (s0)\n li s1, MTIME\n lw t1, (s1)';
    const p = program([writer, reader], { rest: '.data\n word: .word 0' });
    settle(p.model);
    p.model.step(0);
    p.model.step(1);
    const [, seen, own] = [0, p.machine.harts[1].x[5], p.machine.harts[1].x[6]];
    expect(seen).toBeGreaterThan(400);
    expect(own).toBeGreaterThanOrEqual(seen);
  });

  const armed = (hart: number, ticks: number) => `
    li t0, MTIE
    csrw mie, t0
    li t0, MTIMECMP + ${8 * hart}
    li t1, ${ticks}
    sw zero, 4(t0)
    sw t1, (t0)
    wfi`;

  it('goes on to the first timer of a hart when all wait', () => {
    const p = program([armed(0, 9000), armed(1, 4000)]);
    settle(p.model);
    while (namesOf(p.model).some((name) => name.startsWith('hart'))) {
      p.model.step(p.model.enabled().filter((agent) => agent < 2)[0]);
      if (p.model.stepper.tracks.every(({ standing }) => standing === 'wfi')) break;
    }
    expect(namesOf(p.model)).toEqual(['timer of hart 1']);
  });

  it('lets timers of harts expire at any moment if they are injected', () => {
    const p = program([`${armed(0, 9000)}`, 'la s0, w\n sw s0, (s0)\n la s0, w'], {
      rest: '.data\n w: .word 0',
      region: { inject: ['timer'] },
    });
    settle(p.model);
    while (p.model.stepper.tracks[0].standing !== 'wfi') p.model.step(0);
    const timer = agentOf(p.model, 'timer of hart 0');
    expect(p.model.enabled()).toContain(timer);
    expect(p.model.agents[timer].injected).toBe(true);
  });
});

describe('devices', () => {
  const SEND = `
    li s0, UART
    li t0, 'x'
    sb t0, (s0)
  1: lbu t1, 5(s0)
    andi t1, t1, 0x40
    beqz t1, 1b`;

  it('complete whenever the search says so', () => {
    const p = program([SEND]);
    settle(p.model);
    const sent = agentOf(p.model, 'uart0 has sent a character');
    p.model.step(0);
    expect(p.model.enabled()).toEqual([sent]);
    p.model.step(sent);
    while (p.model.enabled().includes(0)) p.model.step(0);
    expect(p.model.ending()).toEqual({ kind: 'done' });
    expect(p.model.stepper.board.sent).toEqual([['x'.charCodeAt(0) & 0x1f]]);
  });

  it('have completed when a hart looks whose time has passed', () => {
    const p = program([
      `li s0, UART\n sb s0, (s0)\n li t0, 100000\n 1: addi t0, t0, -1\n bnez t0, 1b\n lbu t1, 5(s0)`,
    ]);
    p.model.step(0);
    p.model.step(0);
    expect(p.machine.harts[0].x[6] & 0x40).toBe(0x40);
  });

  it('can be sent characters', () => {
    const p = program(
      ['li s0, UART\n 1: lbu t1, 5(s0)\n andi t1, t1, 1\n beqz t1, 1b\n lbu t2, (s0)'],
      {
        region: { inject: ['uart-rx'] },
      },
    );
    settle(p.model);
    expect(namesOf(p.model)).toEqual(['uart0 is sent a character']);
    p.model.step(p.model.enabled()[0]);
    runOut(p.model);
    expect(p.machine.harts[0].x[7]).not.toBe(0);
  });
});

describe('a recording', () => {
  const places = {
    nameOf: (address: number) => address.toString(16),
    addressOf: (place: string) => parseInt(place, 16),
  };

  it('repeats an execution in a model that knows nothing yet', () => {
    for (const make of [() => philosophers(3), racyIncrement, everything, lockInHandler]) {
      for (let seed = 1; seed <= 5; seed++) {
        const p = make();
        settle(p.model, seed * 50);
        walk(p.model, seed, 1000);
        while (p.model.stepper.ownership.grown) {
          p.model.restart();
          walk(p.model, seed, 1000);
        }
        const end = stateOf(p);
        const recording = JSON.parse(JSON.stringify(record(p.model, 'this', places))) as Recording;
        expect(stateOf(p)).toEqual(end);
        const fresh = make();
        expect(replayRecording(fresh.model, recording, 'this', places)).toEqual({
          exact: true,
          fits: true,
          deviations: [],
        });
        expect(stateOf(fresh)).toEqual(end);
      }
    }
  });

  it('of an execution that showed more to be visible is that execution', () => {
    const p = racyIncrement();
    walk(p.model, 3, 1000);
    const counter = p.word('counter');
    const recording = record(p.model, 'this', places);
    expect(p.word('counter')).toBe(counter);
    const fresh = racyIncrement();
    replayRecording(fresh.model, recording, 'this', places);
    expect(fresh.word('counter')).toBe(counter);
  });

  it('says that it is of another program, and follows it by places', () => {
    const p = racyIncrement();
    settle(p.model);
    walk(p.model, 9, 1000);
    const recording = record(p.model, 'this', places);
    const result = replayRecording(racyIncrement().model, recording, 'that', places);
    expect(result.exact).toBe(false);
    expect(result.deviations).toEqual(['the program is not the one that was recorded']);
  });

  it('of another version, or with other agents, is refused', () => {
    const p = racyIncrement();
    walk(p.model, 1, 1000);
    const recording = record(p.model, 'this', places);
    const other = { ...recording, version: 7 as 1 };
    expect(() => replayRecording(p.model, other, 'this', places)).toThrow('recording of version 7');
    const turns = [{ ...recording.turns[0], agent: 'hart 5' }];
    expect(() => replayRecording(p.model, { ...recording, turns }, 'this', places)).toThrow(
      '"hart 5"',
    );
  });
});
