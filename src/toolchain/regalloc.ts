// Register allocation by iterated register coalescing (George and Appel, "Iterated Register
// Coalescing", TOPLAS 1996), with rematerialised constants and biased colour choice. Node numbers are
// register numbers; 0…31 are precoloured.

import { forEachUse, liveOut, RegisterSet } from './liveness.ts';
import {
  CALLEE_SAVED,
  CALLER_SAVED,
  FIRST_VIRTUAL,
  type MachineFunction,
  MachineInstruction,
} from './mir.ts';

const COLOURS: readonly number[] = [...CALLER_SAVED, ...CALLEE_SAVED];
const K = COLOURS.length;
const ALLOCATABLE = new Uint8Array(32);
for (const c of COLOURS) ALLOCATABLE[c] = 1;

const MAX_ROUNDS = 30;

/** Replaces virtual registers by real ones, spilling where they don't suffice. */
export function allocateRegisters(f: MachineFunction): void {
  const unspillable = new Set<number>();
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const allocator = new Allocator(f, unspillable);
    const spilled = allocator.run();
    if (spilled.length === 0) {
      rewrite(f, (n) => allocator.colourOf(n));
      return;
    }
    spill(f, new Set(spilled), unspillable);
  }
  throw new Error(`${f.name}: register allocation does not converge`);
}

const isCall = (inst: MachineInstruction) => inst.op === 'call' || inst.op === 'callr';

const isAllocatable = (n: number): boolean => n >= FIRST_VIRTUAL || ALLOCATABLE[n] === 1;

interface Move {
  readonly to: number;
  readonly from: number;
  state: 'worklist' | 'active' | 'coalesced' | 'constrained' | 'frozen';
}

type Where =
  'precoloured' | 'simplify' | 'freeze' | 'spill' | 'select' | 'coalesced' | 'coloured' | 'spilled';

class Allocator {
  private readonly f: MachineFunction;
  private readonly unspillable: ReadonlySet<number>;
  private readonly n: number;
  private readonly matrix: Uint32Array;
  private readonly adjacent: number[][] = [];
  private readonly degree: Int32Array;
  private readonly cost: Float64Array;
  private readonly where: Where[] = [];
  private readonly alias: Int32Array;
  private readonly colour: Int32Array;
  private readonly moves: (Move[] | undefined)[] = [];
  private moveWorklist: Move[] = [];
  private simplifyWorklist: number[] = [];
  private freezeWorklist: number[] = [];
  private readonly spillWorklist = new Set<number>();
  private readonly selectStack: number[] = [];

  constructor(f: MachineFunction, unspillable: ReadonlySet<number>) {
    this.f = f;
    this.unspillable = unspillable;
    this.n = f.registers;
    this.matrix = new Uint32Array(Math.ceil((this.n * this.n) / 32));
    this.degree = new Int32Array(this.n);
    this.cost = new Float64Array(this.n);
    this.alias = new Int32Array(this.n);
    this.colour = new Int32Array(this.n).fill(-1);
    for (let i = 0; i < this.n; i++) {
      this.adjacent.push([]);
      this.alias[i] = i;
      this.where.push(i < FIRST_VIRTUAL ? 'precoloured' : 'select');
      if (i < FIRST_VIRTUAL) {
        this.degree[i] = 1 << 28;
        this.colour[i] = i;
      }
    }
  }

  colourOf(n: number): number {
    return n < FIRST_VIRTUAL ? n : this.colour[this.find(n)];
  }

  /** Registers that found no colour; empty if all is well. */
  run(): number[] {
    this.build();
    this.makeWorklists();
    for (;;) {
      const node = this.simplifyWorklist.pop();
      if (node !== undefined) {
        if (this.where[node] === 'simplify') this.simplify(node);
        continue;
      }
      const move = this.moveWorklist.pop();
      if (move) {
        this.coalesce(move);
        continue;
      }
      const frozen = this.freezeWorklist.pop();
      if (frozen !== undefined) {
        if (this.where[frozen] === 'freeze') {
          this.where[frozen] = 'simplify';
          this.simplifyWorklist.push(frozen);
          this.freezeMoves(frozen);
        }
        continue;
      }
      if (this.spillWorklist.size === 0) break;
      this.selectSpill();
    }
    return this.assignColours();
  }

  private build(): void {
    const live = liveOut(this.f);
    for (const block of this.f.blocks) {
      const now = live.get(block) ?? new RegisterSet(this.n);
      const weight = 10 ** Math.min(block.depth, 6);
      for (let i = block.insts.length - 1; i >= 0; i--) {
        this.addInstruction(block.insts[i], now, weight);
      }
    }
  }

  private addInstruction(inst: MachineInstruction, live: RegisterSet, weight: number): void {
    const isMove = inst.op === 'mv' && isAllocatable(inst.rd) && isAllocatable(inst.rs1);
    if (isMove) {
      live.delete(inst.rs1);
      const move: Move = { to: inst.rd, from: inst.rs1, state: 'worklist' };
      (this.moves[inst.rd] ??= []).push(move);
      if (inst.rs1 !== inst.rd) (this.moves[inst.rs1] ??= []).push(move);
      this.moveWorklist.push(move);
    }
    if (inst.rd > 0 && isAllocatable(inst.rd)) {
      this.cost[inst.rd] += inst.op === 'li' ? -weight : weight;
      live.forEach((l) => this.addEdge(l, inst.rd));
      live.delete(inst.rd);
    }
    if (isCall(inst)) {
      for (const c of CALLER_SAVED) {
        live.forEach((l) => this.addEdge(l, c));
        live.delete(c);
      }
    }
    if (inst.op === 'cmpxchg' || inst.op === 'switch') {
      // Written before all operands have been read.
      forEachUse(inst, (u) => isAllocatable(u) && this.addEdge(u, inst.rd));
    }
    forEachUse(inst, (u) => {
      if (!isAllocatable(u)) return;
      this.cost[u] += weight;
      live.add(u);
    });
  }

  private addEdge(u: number, v: number): void {
    if (u === v || !isAllocatable(u) || this.interferes(u, v)) return;
    const a = u * this.n + v;
    const b = v * this.n + u;
    this.matrix[a >>> 5] |= 1 << (a & 31);
    this.matrix[b >>> 5] |= 1 << (b & 31);
    if (u >= FIRST_VIRTUAL) {
      this.adjacent[u].push(v);
      this.degree[u]++;
    }
    if (v >= FIRST_VIRTUAL) {
      this.adjacent[v].push(u);
      this.degree[v]++;
    }
  }

  private interferes(u: number, v: number): boolean {
    const a = u * this.n + v;
    return (this.matrix[a >>> 5] & (1 << (a & 31))) !== 0;
  }

  private makeWorklists(): void {
    for (let v = FIRST_VIRTUAL; v < this.n; v++) this.classify(v);
  }

  private classify(v: number): void {
    if (this.degree[v] >= K) {
      this.where[v] = 'spill';
      this.spillWorklist.add(v);
    } else if (this.isMoveRelated(v)) {
      this.where[v] = 'freeze';
      this.freezeWorklist.push(v);
    } else {
      this.where[v] = 'simplify';
      this.simplifyWorklist.push(v);
    }
  }

  private nodeMoves(v: number): Move[] {
    return (this.moves[v] ?? []).filter((m) => m.state === 'active' || m.state === 'worklist');
  }

  private isMoveRelated(v: number): boolean {
    return (this.moves[v] ?? []).some((m) => m.state === 'active' || m.state === 'worklist');
  }

  private isGone(v: number): boolean {
    return this.where[v] === 'select' || this.where[v] === 'coalesced';
  }

  private forEachNeighbour(v: number, visit: (n: number) => void): void {
    for (const a of this.adjacent[v]) if (!this.isGone(a)) visit(a);
  }

  private simplify(v: number): void {
    this.where[v] = 'select';
    this.selectStack.push(v);
    this.forEachNeighbour(v, (n) => this.decrementDegree(n));
  }

  private decrementDegree(v: number): void {
    if (v < FIRST_VIRTUAL) return;
    const before = this.degree[v]--;
    if (before !== K) return;
    this.enableMoves(v);
    this.forEachNeighbour(v, (n) => this.enableMoves(n));
    if (this.where[v] !== 'spill') return;
    this.spillWorklist.delete(v);
    if (this.isMoveRelated(v)) {
      this.where[v] = 'freeze';
      this.freezeWorklist.push(v);
    } else {
      this.where[v] = 'simplify';
      this.simplifyWorklist.push(v);
    }
  }

  private enableMoves(v: number): void {
    for (const m of this.moves[v] ?? []) {
      if (m.state !== 'active') continue;
      m.state = 'worklist';
      this.moveWorklist.push(m);
    }
  }

  private find(v: number): number {
    let n = v;
    while (this.alias[n] !== n) n = this.alias[n];
    return n;
  }

  private addToSimplify(v: number): void {
    if (v < FIRST_VIRTUAL || this.isMoveRelated(v) || this.degree[v] >= K) return;
    if (this.where[v] !== 'freeze') return;
    this.where[v] = 'simplify';
    this.simplifyWorklist.push(v);
  }

  private coalesce(move: Move): void {
    if (move.state !== 'worklist') return;
    let u = this.find(move.to);
    let v = this.find(move.from);
    if (v < FIRST_VIRTUAL) [u, v] = [v, u];
    if (u === v) {
      move.state = 'coalesced';
      this.addToSimplify(u);
    } else if (v < FIRST_VIRTUAL || this.interferes(u, v)) {
      move.state = 'constrained';
      this.addToSimplify(u);
      this.addToSimplify(v);
    } else if (u < FIRST_VIRTUAL ? this.georgeTest(u, v) : this.briggsTest(u, v)) {
      move.state = 'coalesced';
      this.combine(u, v);
      this.addToSimplify(u);
    } else move.state = 'active';
  }

  /** Every neighbour of v already conflicts with u, or is insignificant. */
  private georgeTest(u: number, v: number): boolean {
    return this.adjacent[v].every(
      (t) => this.isGone(t) || this.degree[t] < K || t < FIRST_VIRTUAL || this.interferes(t, u),
    );
  }

  private briggsTest(u: number, v: number): boolean {
    let significant = 0;
    const count = (t: number) => {
      if (!this.isGone(t) && this.degree[t] >= K) significant++;
    };
    for (const t of this.adjacent[u]) count(t);
    for (const t of this.adjacent[v]) if (!this.interferes(t, u)) count(t);
    return significant < K;
  }

  private combine(u: number, v: number): void {
    if (this.where[v] === 'spill') this.spillWorklist.delete(v);
    this.where[v] = 'coalesced';
    this.alias[v] = u;
    this.cost[u] += this.cost[v];
    this.moves[u] = [...(this.moves[u] ?? []), ...(this.moves[v] ?? [])];
    this.enableMoves(v);
    this.forEachNeighbour(v, (t) => {
      this.addEdge(t, u);
      this.decrementDegree(t);
    });
    if (u >= FIRST_VIRTUAL && this.degree[u] >= K && this.where[u] === 'freeze') {
      this.where[u] = 'spill';
      this.spillWorklist.add(u);
    }
  }

  private freezeMoves(u: number): void {
    for (const m of this.nodeMoves(u)) {
      const to = this.find(m.to);
      const from = this.find(m.from);
      const v = from === this.find(u) ? to : from;
      m.state = 'frozen';
      if (v >= FIRST_VIRTUAL) this.addToSimplify(v);
    }
  }

  private selectSpill(): void {
    let best = -1;
    let bestCost = Infinity;
    for (const v of this.spillWorklist) {
      const cost = this.unspillable.has(v) ? 1e30 : this.cost[v] / this.degree[v];
      if (best < 0 || cost < bestCost) {
        best = v;
        bestCost = cost;
      }
    }
    this.spillWorklist.delete(best);
    this.where[best] = 'simplify';
    this.simplifyWorklist.push(best);
    this.freezeMoves(best);
  }

  private assignColours(): number[] {
    const spilled: number[] = [];
    const used = new Uint8Array(32);
    for (let v = this.selectStack.pop(); v !== undefined; v = this.selectStack.pop()) {
      const taken = new Uint8Array(32);
      for (const w of this.adjacent[v]) {
        const c = this.colour[this.find(w)];
        if (c >= 0) taken[c] = 1;
      }
      const c = this.chooseColour(v, taken, used);
      if (c < 0) {
        this.where[v] = 'spilled';
        spilled.push(v);
      } else {
        this.where[v] = 'coloured';
        this.colour[v] = c;
        used[c] = 1;
      }
    }
    if (spilled.length === 0) return spilled;
    // A spilled node stands for all that were coalesced into it.
    const all = new Set(spilled);
    for (let v = FIRST_VIRTUAL; v < this.n; v++) if (all.has(this.find(v))) all.add(v);
    return [...all];
  }

  /** A move partner's register if it is free; else caller-saved, then callee-saved ones in use. */
  private chooseColour(v: number, taken: Uint8Array, used: Uint8Array): number {
    for (const m of this.moves[v] ?? []) {
      for (const end of [m.to, m.from]) {
        const c = this.colour[this.find(end)];
        if (c >= 0 && ALLOCATABLE[c] === 1 && taken[c] === 0 && end !== v) {
          if (CALLER_SAVED.includes(c) || used[c] === 1) return c;
        }
      }
    }
    for (const c of CALLER_SAVED) if (taken[c] === 0) return c;
    for (const c of CALLEE_SAVED) if (taken[c] === 0 && used[c] === 1) return c;
    for (const c of CALLEE_SAVED) if (taken[c] === 0) return c;
    return -1;
  }
}

function rewrite(f: MachineFunction, colourOf: (n: number) => number): void {
  const map = (n: number) => (n < FIRST_VIRTUAL ? n : colourOf(n));
  for (const block of f.blocks) {
    for (const inst of block.insts) {
      inst.rd = map(inst.rd);
      inst.rs1 = map(inst.rs1);
      inst.rs2 = map(inst.rs2);
      if (inst.uses) inst.uses = inst.uses.map(map);
    }
    block.insts = block.insts.filter((inst) => inst.op !== 'mv' || inst.rd !== inst.rs1);
  }
}

/** Gives spilled registers a slot in the frame, or recomputes them if they are constants. */
function spill(f: MachineFunction, spilled: ReadonlySet<number>, unspillable: Set<number>): void {
  const definitions = new Map<number, MachineInstruction[]>();
  for (const block of f.blocks) {
    for (const inst of block.insts) {
      if (!spilled.has(inst.rd)) continue;
      const list = definitions.get(inst.rd);
      if (list) list.push(inst);
      else definitions.set(inst.rd, [inst]);
    }
  }
  const isRemat = (v: number) =>
    definitions.get(v)?.every((d) => d.op === 'li' && d.imm === definitions.get(v)?.[0].imm);
  const slots = new Map<number, number>();
  const slotOf = (v: number) => {
    let slot = slots.get(v);
    if (slot === undefined) slots.set(v, (slot = f.spillSlots++));
    return slot;
  };
  const fresh = () => {
    unspillable.add(f.registers);
    return f.registers++;
  };
  for (const block of f.blocks) {
    const out: MachineInstruction[] = [];
    for (const inst of block.insts) {
      if (spilled.has(inst.rd) && isRemat(inst.rd)) continue;
      const loaded = new Map<number, number>();
      const load = (v: number): number => {
        if (!spilled.has(v)) return v;
        let t = loaded.get(v);
        if (t !== undefined) return t;
        t = fresh();
        loaded.set(v, t);
        const remat = isRemat(v) ? definitions.get(v)?.[0] : undefined;
        out.push(
          remat
            ? new MachineInstruction('li', t, -1, -1, remat.imm, inst.loc)
            : new MachineInstruction('reload', t, -1, -1, slotOf(v), inst.loc),
        );
        return t;
      };
      inst.rs1 = load(inst.rs1);
      inst.rs2 = load(inst.rs2);
      if (inst.uses) inst.uses = inst.uses.map(load);
      out.push(inst);
      if (!spilled.has(inst.rd)) continue;
      const t = fresh();
      const slot = slotOf(inst.rd);
      inst.rd = t;
      out.push(new MachineInstruction('spill', -1, t, -1, slot, inst.loc));
    }
    block.insts = out;
  }
}
