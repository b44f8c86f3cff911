// The line interface: attaching, recording and replaying; MockLine as the documented way to script
// both ends; inspect() as a view without side effects.

import { describe, expect, it } from 'vitest';
import {
  applyLineInput,
  MockLine,
  recordingPort,
  type LineInput,
} from '../../../devices/uart8250/index.ts';
import { FakeClock, fifoRig, FRAME_NS, IER, LSR, MCR, RBR, rig, THR } from './rig.ts';

describe('attach()', () => {
  it('tells the new line how things stand, and lets go of the old one', () => {
    const r = rig();
    r.wr(MCR, 0x03);
    const calls: string[] = [];
    const make = (name: string) => ({
      connected: () => calls.push(`${name} connected`),
      disconnected: () => calls.push(`${name} disconnected`),
      transmit: () => undefined,
      settingsChanged: () => calls.push(`${name} settings`),
      modemChanged: (outputs: { rts: boolean }) => calls.push(`${name} rts ${outputs.rts}`),
      breakChanged: (on: boolean) => calls.push(`${name} break ${on}`),
    });
    r.uart.attach(make('a'));
    r.uart.attach(make('b'));
    expect(calls).toEqual([
      'a connected',
      'a settings',
      'a rts true',
      'a break false',
      'a disconnected',
      'b connected',
      'b settings',
      'b rts true',
      'b break false',
    ]);
  });

  it('without a line, the UART sends into the air', () => {
    const r = rig();
    r.uart.attach(undefined);
    r.wr(THR, 1);
    r.run(FRAME_NS);
    expect(r.rd(LSR)).toBe(0x60);
    expect(r.uart.counters.transmitted).toBe(1);
  });
});

describe('record and replay', () => {
  it('inputs, stamped with their times, give the same run again', () => {
    const recording: { atNs: number; input: LineInput }[] = [];
    const first = fifoRig();
    const port = recordingPort(first.uart, (input) =>
      recording.push({ atNs: first.clock.now, input }),
    );
    port.receive({ byte: 0x41 });
    first.run(FRAME_NS / 3);
    port.setModemInputs({ cts: false });
    port.setBreak(true);
    first.run(3 * FRAME_NS);
    port.setBreak(false);
    port.setReady(false);
    port.setRtsFlow(true);
    port.injectOverrun();
    port.receive({ byte: 0x42, parityError: true });
    first.run(10 * FRAME_NS);

    const second = fifoRig();
    for (const { atNs, input } of JSON.parse(JSON.stringify(recording)) as typeof recording) {
      second.clock.runTo(atNs);
      applyLineInput(second.uart, input);
    }
    second.clock.runTo(first.clock.now);
    expect(second.uart.save()).toEqual(first.uart.save());
    expect(recording.map(({ input }) => input.kind)).toEqual([
      'receive',
      'modem',
      'break',
      'break',
      'ready',
      'rtsFlow',
      'overrun',
      'receive',
    ]);
  });

  it('a refused character is not recorded', () => {
    const r = rig();
    let recorded = 0;
    const port = recordingPort(r.uart, () => recorded++);
    while (port.receive({ byte: 0 }));
    expect(recorded).toBe(4097);
    expect(port.receiveRoom).toBe(0);
  });
});

describe('MockLine', () => {
  it('records characters with the time at which their stop bit ended', () => {
    const r = fifoRig();
    const start = r.clock.now;
    r.wr(THR, 0x68);
    r.wr(THR, 0x69);
    r.run(2 * FRAME_NS);
    expect(r.line.text).toBe('hi');
    expect(r.line.transmitted.map((event) => event.atNs - start)).toEqual([FRAME_NS, 2 * FRAME_NS]);
  });

  it('plays a script at virtual times, in the order of time, then of the calls', () => {
    const r = fifoRig();
    const t = r.clock.now;
    const order: string[] = [];
    r.line.at(t + 300, () => order.push('c'));
    r.line.at(t + 100, () => order.push('a'));
    r.line.at(t + 300, () => order.push('d'));
    r.line.at(t + 200, () => order.push('b'));
    r.run(1000);
    expect(order.join('')).toBe('abcd');
  });

  it('sends, breaks and moves modem lines when told', () => {
    const r = fifoRig();
    const t = r.clock.now;
    r.line.send('x', t + 1000);
    r.line.modem({ dcd: false }, t + 2000);
    r.line.sendBreak(5 * FRAME_NS, t + 10 * FRAME_NS);
    r.run(1000 + FRAME_NS);
    expect(r.rd(RBR)).toBe(0x78);
    expect(r.uart.inspect().inputs.dcd).toBe(false);
    r.run(20 * FRAME_NS);
    expect(r.uart.counters.breaks).toBe(1);
  });

  it('says what is wrong when it is used before it is attached', () => {
    expect(() => new MockLine(new FakeClock()).send('x')).toThrow(/call uart.attach/);
  });
});

describe('inspect()', () => {
  it('shows registers decoded, FIFOs, line and counters', () => {
    const r = fifoRig(2);
    r.wr(IER, 0x05);
    r.wr(MCR, 0x0b);
    r.arrive(0x41);
    r.line.sendCharacter({ byte: 0x42, parityError: true });
    r.wr(THR, 0x61);
    r.wr(THR, 0x62);
    r.run(FRAME_NS / 2);
    const view = r.uart.inspect();
    const bits = (name: string) => view.registers.find((entry) => entry.name === name)?.bits;
    expect(view).toMatchObject({ name: 'uart0', variant: '16550A', fifoBytes: 16, attached: true });
    expect(bits('IER')).toEqual(['ERBFI', 'ELSI']);
    expect(bits('MCR')).toEqual(['DTR', 'RTS', 'OUT2']);
    expect(bits('LSR')).toEqual(['DR']);
    expect(bits('IIR')).toEqual(['none']);
    expect(view.receiver).toMatchObject({
      fifo: [{ byte: 0x41, errors: 0 }],
      trigger: 8,
      arriving: true,
    });
    expect(view.transmitter).toMatchObject({ fifo: [0x62], shift: 0x61, held: false });
    expect(view.counters).toMatchObject({ received: 1, transmitted: 0 });
    expect(view.frameNs).toBe(FRAME_NS);
  });

  it('has no side effects', () => {
    const r = fifoRig();
    r.wr(IER, 0x0f);
    r.arrive(1);
    r.line.sendCharacter({ byte: 2, framingError: true });
    r.line.modem({ ri: true });
    r.run(FRAME_NS);
    const before = r.uart.save();
    r.uart.inspect();
    r.uart.inspect();
    expect(r.uart.save()).toEqual(before);
  });
});
