// Our machine against QEMU 7.2 on the same random and directed instruction sequences, and the fuzzer
// against machines that are broken on purpose. Without QEMU only the directed cases run.

import { readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { BlockCache } from '../../src/machine/block-cache.ts';
import { csrNumbers } from '../../src/machine/csr.ts';
import { COMPRESSED_INSTRUCTIONS, INSTRUCTIONS } from '../../src/machine/isa.ts';
import { compare } from './compare.ts';
import { KNOWN_CSR_BITS, KNOWN_CSR_DIFFERENCES } from './csr-differences.ts';
import { DIRECTED_CASES, QEMU_ABORTS } from './directed-cases.ts';
import { encode } from './encode.ts';
import { fuzz } from './fuzz.ts';
import { generate } from './generator.ts';
import { buildImage, type Outcome } from './image.ts';
import { KNOWN_TRAP_DIFFERENCES } from './known-differences.ts';
import { DRIVES, MUTATIONS, runMachine } from './machine-runner.ts';
import { isQemu72, qemuPresent, runQemu } from './qemu.ts';
import { straight } from './sequence.ts';

const SEED = 20_261;
const qemu = qemuPresent();
/** Known by its trap, so that the comparison itself passes over it. */
const isKnownTrap = (id: string): boolean =>
  KNOWN_TRAP_DIFFERENCES.some((entry) => entry.id === id);

describe('directed cases', () => {
  const image = buildImage(DIRECTED_CASES.map((one) => one.sequence));
  const outcomes = runMachine(image);

  it.each(DIRECTED_CASES.map((one, index) => ({ name: one.sequence.name, one, index })))(
    '$name',
    ({ one, index }) => {
      const outcome = outcomes[index];
      expect(outcome.complete).toBe(true);
      const registers = Object.fromEntries(
        Object.keys(one.expect).map((r) => [r, outcome.registers[Number(r)]]),
      );
      expect(registers).toEqual(one.expect);
      // mtval of an ebreak depends on where it lies.
      const traps = outcome.traps.filter(({ cause }) => cause !== 3);
      expect(traps.map(({ cause, tval }) => [cause, tval])).toEqual(one.traps);
    },
  );

  it.skipIf(!qemu)('QEMU agrees, but where it is known not to', () => {
    const survived = DIRECTED_CASES.filter((one) => one.qemuDiffers !== QEMU_ABORTS);
    const common = buildImage(survived.map((one) => one.sequence));
    const { differing } = compare(common, runQemu(common), runMachine(common));
    const unexplained = [...differing]
      .filter(([index]) => survived[index].qemuDiffers === undefined)
      .map(([index, differences]) => {
        const { name } = survived[index].sequence;
        return `${name}: ${differences.map((difference) => difference.text).join('; ')}`;
      });
    expect(unexplained).toEqual([]);
    if (!isQemu72()) return;
    // An entry that says "QEMU differs" has to be true, too.
    const stale = survived.filter(
      ({ qemuDiffers }, index) =>
        qemuDiffers !== undefined && !differing.has(index) && !isKnownTrap(qemuDiffers),
    );
    expect(stale.map((one) => one.sequence.name)).toEqual([]);
  });
});

describe('generator', () => {
  it('gives the same sequence for the same seed and number, alone or in a row', () => {
    const image = (index: number) => buildImage([generate(SEED, index)]).bytes.subarray(0, 0x20000);
    expect(image(17)).toEqual(image(17));
    expect(image(17)).not.toEqual(image(18));
  });

  it('produces every instruction of the table', () => {
    const seen = new Set<string>();
    const sequences = Array.from({ length: 1500 }, (_, index) => generate(SEED, index));
    for (const { code } of buildImage(sequences).sequences) {
      for (const entry of code) {
        const { word, size } = entry.code;
        const row =
          size === 2
            ? COMPRESSED_INSTRUCTIONS.find((r) => (word & r.mask) === r.match)
            : INSTRUCTIONS.find((r) => (word & r.mask) >>> 0 === r.match);
        if (row) seen.add(row.name);
      }
    }
    const missing = [...INSTRUCTIONS, ...COMPRESSED_INSTRUCTIONS]
      .map((row) => row.name)
      .filter((name) => !seen.has(name));
    // QEMU 7.2 has no Smrnmi.
    expect(missing).toEqual(['mnret']);
  });
});

describe('the machine agrees with itself', () => {
  const image = buildImage(Array.from({ length: 400 }, (_, index) => generate(SEED, index)));
  const whole = runMachine(image);

  it('when its run is cut into small portions', () => {
    const { differing } = compare(image, whole, runMachine(image, { sliced: true }));
    expect([...differing.values()]).toEqual([]);
  });

  it('when there are other harts on the board', () => {
    const { differing } = compare(image, whole, runMachine(image, { harts: 4 }));
    expect([...differing.values()]).toEqual([]);
  });

  it('when every instruction is traced', () => {
    const { differing } = compare(image, whole, runMachine(image, { traced: true }));
    expect([...differing.values()]).toEqual([]);
  });
});

describe.skipIf(!qemu)('against QEMU', () => {
  it.each([
    ['plain', 6000],
    ['interpreted', 1000],
    ['compiled', 1500],
    ['compiledShort', 1500],
    ['traced', 500],
  ] as const)('random sequences end in the same state when the machine runs %s', (name, count) => {
    const compiled = vi.spyOn(BlockCache.prototype, 'installRegion');
    const result = fuzz({
      sequences: count,
      seed: SEED,
      batch: name === 'plain' ? 3000 : 250, // a machine compiles a limited number of loops
      machine: (image) => runMachine(image, DRIVES[name]),
    });
    expect(result.reports.join('\n\n')).toBe('');
    expect(result.differing).toBe(0);
    // What is to test compiled loops has to have them.
    if (name.startsWith('compiled')) expect(compiled.mock.calls.length).toBeGreaterThan(100);
    compiled.mockRestore();
  });

  it.each(Object.keys(MUTATIONS))('finds a machine whose %s', (name) => {
    const result = fuzz({
      sequences: 400,
      seed: SEED,
      reportsMax: 1,
      machine: (image) => runMachine(image, { mutation: MUTATIONS[name] }),
    });
    expect(result.differing).toBeGreaterThan(0);
    // Shrunk to the one instruction, or to it and what brings its operands about.
    expect(result.reports[0]).toMatch(/shrunk to [1-4]\n/);
  });

  it('finds a machine that never comes back', () => {
    const forgetful = (outcomes: Outcome[]): Outcome[] =>
      outcomes.map((outcome, index) => (index < 3 ? outcome : { ...outcome, complete: false }));
    const result = fuzz({
      sequences: 10,
      seed: SEED,
      machine: (image) => forgetful(runMachine(image)),
    });
    expect(result.differing).toBe(1);
    expect(result.reports[0]).toContain(`seed ${SEED} #3`);
    expect(result.reports[0]).toContain('never finished this sequence');
  });

  it('has the same CSRs, but for those whose difference is explained', () => {
    const sequences = Array.from({ length: 4096 }, (_, csr) =>
      straight(`csr 0x${csr.toString(16)}`, [encode('csrrs', { rd: 5, csr })], { 5: 0x5a5a_5a5a }),
    );
    const image = buildImage(sequences);
    const ours = runMachine(image);
    const unexplained: string[] = [];
    runQemu(image).forEach((theirs, csr) => {
      const here = ours[csr].traps.length === 0;
      const there = theirs.traps.length === 0;
      // mstatus after an mret: see mpp-after-mret.
      const sameValue = theirs.registers[5] === ours[csr].registers[5] || csr === 0x300;
      // These show where the code lies, which is the same on both; the counters are in the table.
      if (here === there && sameValue) return;
      const on = here && there ? 'both' : here ? 'printkit' : 'qemu';
      const known = KNOWN_CSR_DIFFERENCES.some(
        (entry) => entry.on === on && csr >= entry.first && csr <= entry.last,
      );
      if (!known) unexplained.push(`${sequences[csr].name}: ${on}`);
    });
    expect(unexplained).toEqual([]);
  });
});

describe('CSR writes', () => {
  /** Machine information, trap setup, trap handling and PMP; not the counters, not Smrnmi. */
  const written = csrNumbers().filter((csr) => csr < 0xb00 && (csr < 0x740 || csr > 0x744));
  const patterns = [0xffff_ffff, 0x5555_5555, 0xaaaa_aaaa, 2, 3, 0x8000_0001, 0];
  // Reserved bits, the lock bit and W without R are left out of pmpcfg: legal values only.
  const pmp = [0x1f1f_1f1f, 0x0900_0111, 0x0003_0507, 0x1808_1000];
  const isPmpConfig = (csr: number): boolean => csr >= 0x3a0 && csr <= 0x3af;
  const probes = written.flatMap((csr) =>
    (isPmpConfig(csr) ? pmp : patterns).map((value) => ({ csr, value })),
  );
  const image = buildImage(
    probes.map(({ csr, value }) =>
      straight(
        `csr 0x${csr.toString(16)}`,
        [
          encode('csrrw', { rd: 3, rs1: 1, csr }),
          encode('csrrw', { rd: 2, rs1: 3, csr }), // read, and put back what the harness needs
        ],
        { 1: value },
      ),
    ),
  );

  it.skipIf(!qemu)('leave the same in both, but for bits whose difference is explained', () => {
    const ours = runMachine(image);
    const unexplained: string[] = [];
    runQemu(image).forEach((theirs, index) => {
      const { csr, value } = probes[index];
      const known = KNOWN_CSR_BITS.find((entry) => csr >= entry.first && csr <= entry.last);
      const agree = known?.agree ?? -1;
      const expected = ((theirs.registers[2] & agree) | ((known?.rest ?? 0) & ~agree)) >>> 0;
      const found = ours[index].registers[2];
      if (found === expected && ours[index].traps.length === theirs.traps.length) return;
      unexplained.push(
        `csr 0x${csr.toString(16)} = 0x${value.toString(16)}: ` +
          `0x${found.toString(16)}, not 0x${expected.toString(16)}`,
      );
    });
    expect(unexplained).toEqual([]);
  });
});

describe('documentation', () => {
  it('docs/isa.md explains every known difference', () => {
    const text = readFileSync(new URL('../../docs/isa.md', import.meta.url), 'utf8');
    const ids = [
      ...[...KNOWN_TRAP_DIFFERENCES, ...KNOWN_CSR_DIFFERENCES, ...KNOWN_CSR_BITS].map(
        (entry) => entry.id,
      ),
      ...DIRECTED_CASES.flatMap((one) => one.qemuDiffers ?? []),
    ];
    expect([...new Set(ids)].filter((id) => !text.includes(`\`${id}\``))).toEqual([]);
  });
});
