// Random legal sequences: every instruction of the table, traps, loops, jumps, CSR accesses and
// self-modifying code, bounded by construction: control flow goes forward, except in loops that own
// their counter. Loads and stores go to the window or to a hole; three registers per sequence are
// pointers that nothing else writes.

import { INSTRUCTIONS } from '../../src/machine/isa.ts';
import { CsrSource, MEPC, MIE, MSTATUS } from './csr-accesses.ts';
import { encode, isInTable, raw, type Code } from './encode.ts';
import { CONTEXT, HOLE, WINDOW, WINDOW_WORDS } from './image.ts';
import { accessBytes, AMOS, BRANCHES, LOADS, STORES } from './instructions.ts';
import { Random } from './random.ts';
import { fixed, type Item, type Sequence, type Unit } from './sequence.ts';

/** The kinds of units and how often each is drawn. A sequence leaves some of them out (swarm). */
const WEIGHTS = {
  alu: 30,
  compressed: 30,
  memory: 14,
  compressedMemory: 10,
  atomic: 8,
  reservation: 4,
  branch: 10,
  compressedBranch: 8,
  jump: 4,
  indirectJump: 4,
  loop: 3,
  fence: 2,
  csr: 6,
  csrTrap: 2,
  trap: 3,
  illegal: 3,
  hole: 3,
  fetchFault: 1,
  misalignedAtomic: 1,
  selfModify: 2,
  mret: 1,
  interrupt: 2,
};
type Kind = keyof typeof WEIGHTS;
const KINDS = Object.keys(WEIGHTS) as Kind[];

/** Kinds that a loop's body may consist of: nothing that leaves it or needs a unit number. */
const IN_LOOP: readonly Kind[] = [
  'alu',
  'compressed',
  'memory',
  'compressedMemory',
  'atomic',
  'reservation',
  'csr',
  'fence',
];

/** What sequences that are to get hot consist of. */
const HOT: readonly Kind[] = ['loop', 'loop', 'loop', 'selfModify'];

const RA = 1;

const bytesOf = (items: readonly Item[]): number => items.reduce((sum, item) => sum + item.size, 0);

class SequenceGenerator extends CsrSource {
  readonly #units: Unit[] = [];
  #length = 0;
  #id = 0;
  #kinds: readonly Kind[] = KINDS;
  /** This sequence is little else but loops of many rounds, which the machine compiles. */
  #hot = false;

  generate(name: string): Sequence {
    const random = this.random;
    const registers = Array.from({ length: 32 }, (_, r) => (r === 0 ? 0 : this.value()));
    const choices = [[2], [8, 9, 10, 11, 12, 13, 14, 15], [...Array(32).keys()].slice(3)];
    choices.forEach((choice, index) => {
      if (index === 0 && random.oneIn(2)) return; // sp is free for c.addi16sp in every other one
      const register = random.pick(choice.filter((r) => !this.pointers.has(r)));
      const offset = 4 * random.below(index === 2 ? WINDOW_WORDS : 16) + (random.oneIn(6) ? 2 : 0);
      this.pointers.set(register, offset);
      this.reserved.add(register);
      registers[register] = WINDOW + offset;
    });
    this.#kinds = KINDS.filter(() => !random.oneIn(5));
    if (this.#kinds.length === 0) this.#kinds = KINDS;
    this.#hot = random.oneIn(4);
    this.#length = this.#hot ? random.range(1, 4) : random.range(4, 36);
    for (this.#id = 0; this.#id < this.#length; this.#id++) {
      const kind = this.#hot ? random.pick(HOT) : this.#kind(this.#kinds);
      this.#units.push({ id: this.#id, kind, items: this.#items(kind) });
    }
    return {
      name,
      units: this.#units,
      registers,
      windowSeed: random.word(),
      softwareInterrupt: this.#kinds.includes('interrupt'),
      // Loops and modified code over two pages; short ones, so the boundary is near the start.
      ...(random.oneIn(6) ? { bytesToPageEnd: 2 * random.range(1, 60) } : {}),
    };
  }

  #kind(kinds: readonly Kind[]): Kind {
    let left = this.random.below(kinds.reduce((sum, kind) => sum + WEIGHTS[kind], 0));
    for (const kind of kinds) {
      left -= WEIGHTS[kind];
      if (left < 0) return kind;
    }
    return 'alu';
  }

  #items(kind: Kind): readonly Item[] {
    switch (kind) {
      case 'alu':
        return [fixed(this.alu())];
      case 'compressed':
        return [fixed(this.compressed())];
      case 'memory':
        return [fixed(this.memory())];
      case 'compressedMemory':
        return [fixed(this.compressedMemory())];
      case 'atomic':
        return this.#atomic();
      case 'reservation':
        return this.#reservation();
      case 'branch':
        return [this.#branch()];
      case 'compressedBranch':
        return [this.#compressedBranch()];
      case 'jump':
        return [this.#jump()];
      case 'indirectJump':
        return this.#indirectJump();
      case 'loop':
        return this.#loop();
      case 'fence':
        return [fixed(this.#fence())];
      case 'csr':
        return this.csr();
      case 'csrTrap':
        return [fixed(this.csrTrap())];
      case 'trap':
        return [fixed(encode(this.random.pick(['ecall', 'ebreak', 'c.ebreak'])))];
      case 'illegal':
        return [fixed(this.#illegal())];
      case 'hole':
        return this.#hole();
      case 'fetchFault':
        return this.#fetchFault();
      case 'misalignedAtomic':
        return this.#misalignedAtomic();
      case 'selfModify':
        return this.#selfModify();
      case 'mret':
        return this.#mret();
      case 'interrupt':
        return this.#interrupt();
    }
  }

  #atomic(): readonly Item[] {
    const random = this.random;
    const { code, register } = this.address(4 * random.below(WINDOW_WORDS));
    const ordering = random.below(4);
    const rd = this.destination();
    return [
      fixed(code),
      fixed(encode(random.pick(AMOS).name, { rd, rs1: register, rs2: this.source(), ordering })),
    ];
  }

  /**
   * A load-reserved and what may follow: a store-conditional to the same word (which succeeds), to
   * another place (fails), or a second one (fails). What lies between never touches memory or traps.
   */
  #reservation(): readonly Item[] {
    const random = this.random;
    const { code, register } = this.address(4 * random.below(WINDOW_WORDS));
    const wasReserved = this.reserved.has(register);
    this.reserved.add(register);
    const items: Code[] = [code];
    items.push(
      encode('lr.w', { rd: this.destination(), rs1: register, ordering: random.below(4) }),
    );
    for (let n = random.below(4); n > 0; n--) items.push(this.alu());
    const sc = (rs1: number): Code =>
      encode('sc.w', {
        rd: this.destination(),
        rs1,
        rs2: this.source(),
        ordering: random.below(4),
      });
    if (random.oneIn(4)) {
      // Somewhere else, farther than any reservation set reaches.
      const elsewhere = this.scratch();
      items.push(encode('lui', { rd: elsewhere, imm: (CONTEXT + 0x3000) >>> 12 }), sc(elsewhere));
    } else {
      items.push(sc(register));
    }
    if (random.oneIn(2)) items.push(sc(register));
    if (!wasReserved) this.reserved.delete(register);
    return items.map(fixed);
  }

  /** A unit further on, or the end. */
  #target(reach: number): number {
    return this.#id + 1 + this.random.below(Math.min(reach, this.#length - this.#id));
  }

  /** A pc-relative instruction; if the target is out of its reach it goes to the next unit. */
  #relative(target: number, limit: number, size: 2 | 4, of: (imm: number) => Code): Item {
    const next = this.#id + 1;
    return {
      size,
      make: (pc, addressOf) => {
        const offset = addressOf(target) - pc;
        return of(offset < limit ? offset : addressOf(next) - pc);
      },
    };
  }

  #branch(): Item {
    const { name } = this.random.pick(BRANCHES);
    const rs1 = this.source();
    const rs2 = this.random.oneIn(4) ? rs1 : this.source();
    return this.#relative(this.#target(12), 4096, 4, (imm) => encode(name, { rs1, rs2, imm }));
  }

  #compressedBranch(): Item {
    const random = this.random;
    const name = random.pick(['c.beqz', 'c.bnez', 'c.beqz', 'c.bnez', 'c.j', 'c.jal']);
    if (name === 'c.jal' && this.reserved.has(1)) return fixed(encode('c.nop'));
    const rs1 = random.range(8, 15);
    const limit = name === 'c.beqz' || name === 'c.bnez' ? 256 : 2048;
    return this.#relative(this.#target(8), limit, 2, (imm) => encode(name, { rs1, imm }));
  }

  #jump(): Item {
    const rd = this.destination();
    return this.#relative(this.#target(6), 1 << 20, 4, (imm) => encode('jal', { rd, imm }));
  }

  /** `auipc`, `addi` and an indirect jump. Odd targets: bit 0 is cleared by jalr. */
  #indirectJump(): readonly Item[] {
    const random = this.random;
    const register = this.scratch();
    const target = this.#target(6);
    const name = random.pick(['jalr', 'jalr', 'c.jr', 'c.jalr']);
    if (name === 'c.jalr' && this.reserved.has(1)) return [fixed(encode('c.nop'))];
    const imm = name === 'jalr' ? random.range(-16, 16) : 0;
    const odd = random.below(2);
    const rd = this.destination();
    return [
      fixed(encode('auipc', { rd: register, imm: 0 })),
      this.#relative(target, 1900, 4, (offset) =>
        // One instruction after the auipc: the offset from there is 4 more.
        encode('addi', { rd: register, rs1: register, imm: offset + 4 - imm + odd }),
      ),
      fixed(encode(name, { rd, rs1: register, imm })),
    ];
  }

  #fence(): Code {
    const random = this.random;
    const free = random.oneIn(2) ? random.word() : 0;
    switch (random.below(4)) {
      case 0:
        return encode('fence.tso');
      case 1:
        return encode('pause');
      case 2:
        return encode('fence.i', { free });
      default:
        // Reserved fields and fm values are to be ignored ("base implementations shall …").
        return encode('fence', { free: random.oneIn(2) ? 0x0ff00000 : free });
    }
  }

  /** Bits that the table does not know; nothing may happen but a trap. */
  #illegal(): Code {
    const random = this.random;
    for (;;) {
      if (random.oneIn(3)) {
        // Reserved or floating-point 16-bit encodings.
        const word = random.word() & 0xffff;
        if ((word & 3) !== 3 && !isInTable(word)) return raw(word);
        continue;
      }
      let word = random.word() | 3;
      // Half of them close to legal ones: the opcode of one, the rest random.
      if (random.oneIn(2)) word = (word & ~0x7f) | (random.pick(INSTRUCTIONS).match & 0x7f);
      if (!isInTable(word)) return raw(word);
    }
  }

  #hole(): readonly Item[] {
    const random = this.random;
    const rs1 = this.scratch();
    const page = random.pick([HOLE >>> 12, 0x90000, 0xffffe, 0xc0000 + random.below(0x1000)]);
    const items = [encode('lui', { rd: rs1, imm: page })];
    const rd = this.destination();
    const rs2 = this.source();
    switch (random.below(4)) {
      case 0: {
        const { name } = random.pick(LOADS);
        const imm = accessBytes(name) * random.below(128);
        items.push(encode(name, { rd, rs1, imm }));
        break;
      }
      case 1: {
        const { name } = random.pick(STORES);
        const imm = accessBytes(name) * random.below(128);
        items.push(encode(name, { rs1, rs2, imm }));
        break;
      }
      case 2:
        items.push(encode('lr.w', { rd, rs1 }));
        break;
      default:
        items.push(encode(random.pick(AMOS).name, { rd, rs1, rs2 }));
    }
    return items.map(fixed);
  }

  /** Jumps where nothing is; the harness then ends the sequence. */
  #fetchFault(): readonly Item[] {
    const random = this.random;
    const rs1 = this.scratch();
    const lui = encode('lui', { rd: rs1, imm: random.pick([HOLE >>> 12, 0x90000, 0xffff0]) });
    const rd = this.destination();
    return [lui, encode('jalr', { rd, rs1, imm: random.below(64) })].map(fixed);
  }

  #misalignedAtomic(): readonly Item[] {
    const random = this.random;
    const at = 4 * random.below(WINDOW_WORDS - 1) + random.range(1, 3);
    const { code, register } = this.address(at);
    const rd = this.destination();
    const name = random.oneIn(3) ? 'lr.w' : random.pick(AMOS).name;
    const rs2 = name === 'lr.w' ? 0 : this.source();
    return [fixed(code), fixed(encode(name, { rd, rs1: register, rs2 }))];
  }

  #rounds(): number {
    return this.#hot ? this.random.range(10, 90) : this.random.range(1, 6);
  }

  /** One to `max` simple units for the inside of a loop. */
  #body(max: number): Item[][] {
    const kinds = IN_LOOP.filter((kind) => this.#kinds.includes(kind));
    return Array.from({ length: this.random.range(1, max) }, () => [
      ...this.#items(this.#kind(kinds.length > 0 ? kinds : IN_LOOP)),
    ]);
  }

  /**
   * A counted loop over simple units, with branches forward inside of it and, sometimes, calls of a
   * function that stands before it: `li counter; j 1f; f: …; ret; 1: …; addi counter,-1; bnez 1b`.
   */
  #loop(): readonly Item[] {
    const random = this.random;
    const calls = random.oneIn(3) && !this.reserved.has(RA);
    if (calls) this.reserved.add(RA);
    const counter = this.scratch();
    this.reserved.add(counter);
    const called = calls ? this.#body(3).flat() : [];
    const body = this.#body(6);
    this.reserved.delete(counter);
    if (calls) this.reserved.delete(RA);

    const start: Item[] = [fixed(encode('addi', { rd: counter, imm: this.#rounds() }))];
    if (calls) {
      called.push(
        fixed(random.oneIn(2) ? encode('jalr', { rs1: RA }) : encode('c.jr', { rs1: RA })),
      );
      start.push(fixed(encode('jal', { imm: 4 + bytesOf(called) })));
    }
    const groups: (Item[] | { branch: (imm: number) => Code; over: number })[] = [...body];
    // Branches over one or more of the units that follow, in no particular place.
    for (let n = random.below(3); n > 0; n--) {
      const at = random.below(groups.length);
      const [rs1, rs2] = [this.source(), this.source()];
      const { name } = random.pick(BRANCHES);
      const branch = (imm: number): Code => encode(name, { rs1, rs2, imm });
      groups.splice(at, 0, { branch, over: random.range(1, groups.length - at) });
    }
    const sizes = groups.map((group) => (Array.isArray(group) ? bytesOf(group) : 4));
    const loop: Item[] = [];
    groups.forEach((group, index) => {
      if (Array.isArray(group)) return void loop.push(...group);
      const skipped = sizes.slice(index + 1, index + 1 + group.over).reduce((a, b) => a + b, 0);
      loop.push(fixed(group.branch(4 + skipped)));
    });
    if (calls) {
      // The call comes first: nothing in the loop relies on ra.
      const short = random.oneIn(2);
      const imm = -bytesOf(called);
      loop.unshift(fixed(short ? encode('c.jal', { imm }) : encode('jal', { rd: RA, imm })));
    }
    const prime = counter >= 8 && counter <= 15 && random.oneIn(2);
    loop.push(
      fixed(
        prime
          ? encode('c.addi', { rd: counter, imm: -1 })
          : encode('addi', { rd: counter, rs1: counter, imm: -1 }),
      ),
    );
    const back = -bytesOf(loop);
    loop.push(
      fixed(
        prime && back >= -256
          ? encode('c.bnez', { rs1: counter, imm: back })
          : encode('bne', { rs1: counter, imm: back }),
      ),
    );
    return [...start, ...called, ...loop];
  }

  /**
   * A loop whose first instruction is overwritten in the course of it: `li c, rounds; auipc base;
   * 1: old; addi c,-1; addi t,c,-when; bnez t,2f; store new over old; fence.i; 2: bnez c,1b`.
   */
  #selfModify(): readonly Item[] {
    const random = this.random;
    const counter = this.scratch();
    this.reserved.add(counter);
    const base = this.scratch();
    this.reserved.add(base);
    const value = this.scratch();
    const short = random.oneIn(2);
    const before = short ? this.compressed() : this.alu();
    const after = short ? this.compressed() : this.alu();
    this.reserved.delete(counter);
    this.reserved.delete(base);
    const rounds = 1 + this.#rounds();
    const when = random.range(1, rounds - 1);
    const stores: Code[] = [];
    const halves = short ? [after.word] : [after.word & 0xffff, after.word >>> 16];
    halves.forEach((half, index) => {
      stores.push(encode('lui', { rd: value, imm: (half + 0x800) >>> 12 }));
      stores.push(encode('addi', { rd: value, rs1: value, imm: (half << 20) >> 20 }));
      stores.push(encode('sh', { rs1: base, rs2: value, imm: 4 + 2 * index }));
    });
    stores.push(encode('fence.i'));
    const loop: Code[] = [
      before,
      encode('addi', { rd: counter, rs1: counter, imm: -1 }),
      encode('addi', { rd: value, rs1: counter, imm: -when }),
      encode('bne', { rs1: value, imm: 4 + 4 * stores.length }),
      ...stores,
    ];
    const bytes = loop.reduce((sum, { size }) => sum + size, 0);
    return [
      encode('addi', { rd: counter, imm: rounds }),
      encode('auipc', { rd: base }),
      ...loop,
      encode('bne', { rs1: counter, imm: -bytes }),
    ].map(fixed);
  }

  /** mret to a unit further on, with MPIE set or clear. mstatus.MPP is M again afterwards. */
  #mret(): readonly Item[] {
    const random = this.random;
    const register = this.scratch();
    const target = this.#target(4);
    const other = this.scratch();
    return [
      fixed(encode('auipc', { rd: register, imm: 0 })),
      this.#relative(target, 1900, 4, (offset) =>
        encode('addi', { rd: register, rs1: register, imm: offset + 4 }),
      ),
      fixed(encode('csrrw', { rs1: register, csr: MEPC })),
      // No interrupt may come in between, and MPIE 0 keeps it that way after the mret.
      fixed(encode('csrrwi', { csr: MIE })),
      // MPP has to be M for QEMU (see known differences): 0x1880 is MPP and MPIE.
      fixed(encode('lui', { rd: other, imm: 2 })),
      fixed(encode('addi', { rd: other, rs1: other, imm: 0x1880 - 0x2000 })),
      fixed(encode('csrrs', { rs1: other, csr: MSTATUS })),
      fixed(encode('addi', { rd: other, imm: random.pick([0, 0x80]) })),
      fixed(encode('csrrc', { rs1: other, csr: MSTATUS })),
      fixed(encode('mret')),
    ];
  }

  /**
   * The software interrupt that is pending throughout, taken right after the instruction that
   * enables it; the handler clears mie. Or wfi, which does not wait as one is pending and enabled.
   */
  #interrupt(): readonly Item[] {
    const random = this.random;
    const off = encode('csrrci', { rs1: 8, csr: MSTATUS });
    const enable = encode('csrrsi', { rs1: 8, csr: MIE });
    const on = encode('csrrsi', { rs1: 8, csr: MSTATUS });
    switch (random.below(3)) {
      case 0:
        return [off, enable, on, this.alu()].map(fixed);
      case 1:
        return [encode('csrrwi', { csr: MIE }), on, enable, this.alu()].map(fixed);
      default:
        return [off, enable, encode('wfi'), encode('csrrwi', { csr: MIE })].map(fixed);
    }
  }
}

/** The sequence number `index` of a seed: each can be made without the ones before it. */
export function generate(seed: number, index: number): Sequence {
  const random = new Random(Math.imul(seed, 0x01000193) + index);
  return new SequenceGenerator(random).generate(`seed ${seed} #${index}`);
}
