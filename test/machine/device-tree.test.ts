// The flattened device tree, read back by an independent little parser (Devicetree Specification 0.4,
// chapter 5) and compared with what QEMU's virt board says about itself.
import { describe, expect, it } from 'vitest';
import { boardDeviceTree, flattenDeviceTree } from '../../src/machine/device-tree.ts';

type Tree = { properties: Map<string, Buffer>; children: Map<string, Tree> };

function parse(blob: Uint8Array): Tree {
  const data = Buffer.from(blob);
  const header = Array.from({ length: 10 }, (_, i) => data.readUInt32BE(4 * i));
  const [
    magic,
    total,
    structure,
    strings,
    reserve,
    version,
    compatible,
    ,
    stringBytes,
    structBytes,
  ] = header;
  expect(magic).toBe(0xd00dfeed);
  expect([total, version, compatible]).toEqual([data.length, 17, 16]);
  expect([reserve % 8, structure % 4]).toEqual([0, 0]);
  expect(data.readBigUInt64BE(reserve) + data.readBigUInt64BE(reserve + 8)).toBe(0n);
  expect(structure + structBytes).toBeLessThanOrEqual(strings);
  expect(strings + stringBytes).toBeLessThanOrEqual(total);
  let at = structure;
  const cell = () => data.readUInt32BE((at += 4) - 4);
  const text = (from: number) => data.toString('utf8', from, data.indexOf(0, from));
  const node = (): Tree => {
    const tree: Tree = { properties: new Map(), children: new Map() };
    for (;;) {
      const token = cell();
      if (token === 2) return tree;
      if (token === 3) {
        const length = cell();
        const name = text(strings + cell());
        tree.properties.set(name, data.subarray(at, at + length));
        at = (at + length + 3) & ~3;
      } else {
        expect(token).toBe(1);
        const name = text(at);
        at = (at + Buffer.byteLength(name) + 1 + 3) & ~3;
        expect(tree.children.has(name)).toBe(false);
        tree.children.set(name, node());
      }
    }
  };
  expect(cell()).toBe(1);
  expect(text(at)).toBe('');
  at += 4;
  const root = node();
  expect(cell()).toBe(9);
  expect(at).toBe(structure + structBytes);
  return root;
}

const board = {
  harts: 4,
  memoryBytes: 0x400_0000,
  bootargs: 'console=ttyS0 größe=5',
  uarts: [{}, {}],
};
const tree = parse(flattenDeviceTree(boardDeviceTree(board)));

function property(path: string, name: string): Buffer {
  let node: Tree | undefined = tree;
  for (const part of path.split('/').filter((s) => s !== '')) node = node?.children.get(part);
  const value = node?.properties.get(name);
  if (value === undefined) throw new Error(`no ${path}:${name}`);
  return value;
}
const cells = (path: string, name: string) => {
  const value = property(path, name);
  return Array.from({ length: value.length / 4 }, (_, i) => value.readUInt32BE(4 * i));
};
const strings = (path: string, name: string) =>
  property(path, name).toString().split('\0').slice(0, -1);

describe('the board in its device tree', () => {
  it('has memory, command line and standard output', () => {
    expect(cells('/memory@80000000', 'reg')).toEqual([0, 0x80000000, 0, 0x4000000]);
    expect(strings('/chosen', 'bootargs')).toEqual(['console=ttyS0 größe=5']);
    expect(strings('/chosen', 'stdout-path')).toEqual(['/soc/serial@10000000']);
    expect(strings('/aliases', 'serial1')).toEqual(['/soc/serial@10000100']);
  });

  it('has each hart with its interrupt controller', () => {
    expect(cells('/cpus', 'timebase-frequency')).toEqual([10_000_000]);
    const phandles = [0, 1, 2, 3].map((hart) => {
      expect(cells(`/cpus/cpu@${hart}`, 'reg')).toEqual([hart]);
      expect(strings(`/cpus/cpu@${hart}`, 'riscv,isa')[0]).toMatch(/^rv32imac_.*smrnmi/);
      return cells(`/cpus/cpu@${hart}/interrupt-controller`, 'phandle')[0];
    });
    expect(new Set(phandles).size).toBe(4);
    expect(cells('/soc/clint@2000000', 'interrupts-extended')).toEqual(
      phandles.flatMap((phandle) => [phandle, 3, phandle, 7]),
    );
    expect(cells('/soc/plic@c000000', 'interrupts-extended')).toEqual(
      phandles.flatMap((phandle) => [phandle, 11, phandle, 9]),
    );
  });

  it.each([
    ['test@100000', 0x100000, 0x1000, ['sifive,test1', 'sifive,test0', 'syscon']],
    ['nmi@110000', 0x110000, 0x1000, ['printkit,nmi']],
    ['clint@2000000', 0x2000000, 0x10000, ['sifive,clint0', 'riscv,clint0']],
    ['plic@c000000', 0xc000000, 0x600000, ['sifive,plic-1.0.0', 'riscv,plic0']],
    ['serial@10000000', 0x10000000, 0x100, ['ns16550a']],
    ['serial@10000100', 0x10000100, 0x100, ['ns16550a']],
  ])('%s', (name, base, bytes, compatible) => {
    expect(cells(`/soc/${name}`, 'reg')).toEqual([0, base, 0, bytes]);
    expect(strings(`/soc/${name}`, 'compatible')).toEqual(compatible);
  });

  it('has the interrupts and the clock of the UARTs', () => {
    expect(cells('/soc/plic@c000000', 'riscv,ndev')).toEqual([96]);
    expect(cells('/soc/serial@10000000', 'interrupts')).toEqual([10, 16]);
    expect(cells('/soc/serial@10000100', 'interrupts')).toEqual([12, 17]);
    expect(cells('/soc/serial@10000000', 'clock-frequency')).toEqual([3_686_400]);
    expect(cells('/soc/serial@10000000', 'interrupt-parent')).toEqual(
      cells('/soc/plic@c000000', 'phandle'),
    );
    expect(cells('/poweroff', 'regmap')).toEqual(cells('/soc/test@100000', 'phandle'));
  });
});
