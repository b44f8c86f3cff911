// Registers of the 8250 family: reset values, which bits exist on which part, DLAB, bus widths.
// PC16550D section 8 unless a test says otherwise.

import { describe, expect, it } from 'vitest';
import { UART8250_VARIANT_NAMES, UART8250_VARIANTS } from '../../../devices/uart8250/index.ts';
import {
  DLL,
  DLM,
  EFR,
  FakeClock,
  FCR,
  fifoRig,
  FRAME_NS,
  IER,
  IIR,
  LCR,
  LSR,
  MCR,
  MSR,
  RBR,
  rig,
  SCR,
  setLine,
  THR,
} from './rig.ts';
import { Uart8250 } from '../../../devices/uart8250/index.ts';

const everyVariant = UART8250_VARIANT_NAMES.map((name) => ({ name }));

describe('master reset (PC16550D table 1)', () => {
  it.each(everyVariant)('$name: registers read their reset values', ({ name }) => {
    const r = rig({ variant: name });
    for (const register of [IER, LCR, MCR]) r.wr(register, 0x1f);
    r.wr(FCR, 0x01);
    r.uart.reset();
    expect(r.rd(IER)).toBe(0x00);
    expect(r.rd(IIR)).toBe(0x01);
    expect(r.rd(LCR)).toBe(0x00);
    expect(r.rd(MCR)).toBe(0x00);
    expect(r.rd(LSR)).toBe(0x60);
    expect(r.rd(MSR) & 0x0f).toBe(0x00);
  });

  it('leaves SCR and the divisor latch alone', () => {
    const r = rig();
    r.wr(SCR, 0xa5);
    setLine(r, 0x1234, 0x03);
    r.uart.reset();
    expect(r.rd(SCR)).toBe(0xa5);
    r.wr(LCR, 0x80);
    expect([r.rd(DLL), r.rd(DLM)]).toEqual([0x34, 0x12]);
  });

  it('drops the interrupt line and counts what was still to be sent', () => {
    const r = fifoRig();
    r.wr(IER, 0x02);
    for (const byte of [1, 2, 3]) r.wr(THR, byte);
    r.run(3 * FRAME_NS);
    expect(r.irq).toBe(true);
    r.wr(THR, 4);
    r.wr(THR, 5);
    r.uart.reset();
    expect(r.irq).toBe(false);
    expect(r.uart.counters.transmitLost).toBe(2);
    r.run(10 * FRAME_NS);
    expect([...r.line.bytes]).toEqual([1, 2, 3]);
  });

  it('MSR shows a ready peer while nothing drives the pins, as QEMU does', () => {
    expect(rig().rd(MSR)).toBe(0xb0);
  });
});

describe('DLAB (LCR.7)', () => {
  it('shows the divisor latch at offsets 0 and 1 and hides THR, RBR and IER', () => {
    const r = rig();
    r.wr(IER, 0x05);
    r.wr(LCR, 0x83);
    r.wr(DLL, 0xcd);
    r.wr(DLM, 0xab);
    expect([r.rd(DLL), r.rd(DLM)]).toEqual([0xcd, 0xab]);
    r.wr(LCR, 0x03);
    expect(r.rd(IER)).toBe(0x05);
    expect(r.rd(LSR)).toBe(0x60);
  });

  it('reading offset 0 with DLAB set takes nothing from the FIFO', () => {
    const r = fifoRig();
    r.arrive(0x41);
    r.wr(LCR, 0x83);
    r.rd(DLL);
    r.wr(LCR, 0x03);
    expect(r.rd(RBR)).toBe(0x41);
  });

  it('leaves IIR and FCR where they are', () => {
    const r = rig();
    r.wr(LCR, 0x80);
    r.wr(FCR, 0x01);
    expect(r.rd(IIR)).toBe(0xc1);
  });

  it('divisor 0 reads back as 0 and keeps the rate that was set before', () => {
    const r = rig();
    setLine(r, 0, 0x03);
    r.wr(THR, 0x55);
    r.run(FRAME_NS - 1);
    expect(r.line.text).toBe('');
    r.run(1);
    expect(r.line.text).toBe('U');
    expect(r.line.settings?.baud).toBe(625_000);
    r.wr(LCR, 0x80);
    expect([r.rd(DLL), r.rd(DLM)]).toEqual([0, 0]);
  });
});

describe('bits that a part does not have read 0', () => {
  it.each([
    { name: '8250', ier: 0x0f, mcr: 0x1f },
    { name: '16450', ier: 0x0f, mcr: 0x1f },
    { name: '16550', ier: 0x0f, mcr: 0x1f },
    { name: '16550A', ier: 0x0f, mcr: 0x1f },
    { name: '16550C', ier: 0x0f, mcr: 0x3f },
    { name: '16650V2', ier: 0x0f, mcr: 0x1f },
    { name: '16750', ier: 0x3f, mcr: 0x3f },
  ] as const)('$name: IER mask $ier, MCR mask $mcr', ({ name, ier, mcr }) => {
    const r = rig({ variant: name });
    r.wr(IER, 0xff);
    r.wr(MCR, 0xff);
    expect(r.rd(IER)).toBe(ier);
    expect(r.rd(MCR)).toBe(mcr);
  });

  it('LCR holds all eight bits', () => {
    const r = rig();
    for (const value of [0x00, 0x1b, 0xbf, 0xff]) {
      r.wr(LCR, value);
      expect(r.rd(LCR)).toBe(value);
    }
  });

  it('writes to LSR and MSR change nothing', () => {
    const r = rig();
    const before = r.uart.inspect();
    r.wr(LSR, 0xff);
    r.wr(MSR, 0xff);
    expect(r.uart.inspect()).toEqual(before);
  });

  it.each(everyVariant)('$name: scratch register as the data says', ({ name }) => {
    const r = rig({ variant: name });
    r.wr(SCR, 0x5a);
    expect(r.rd(SCR)).toBe(UART8250_VARIANTS[name].scratch ? 0x5a : 0xff);
  });
});

describe('IIR 7:6 tell the FIFO', () => {
  it.each([
    ['8250', 0x01],
    ['16450', 0x01],
    ['16550', 0x81],
    ['16550A', 0xc1],
    ['16550C', 0xc1],
    ['16650V2', 0xc1],
    ['16750', 0xc1],
  ] as const)('%s reads %i after FCR = 01', (name, iir) => {
    const r = rig({ variant: name });
    r.wr(FCR, 0x01);
    expect(r.rd(IIR)).toBe(iir);
    r.wr(FCR, 0x00);
    expect(r.rd(IIR)).toBe(0x01);
  });

  it('16550: the FIFO shows but is not used: the second byte overruns the first', () => {
    const r = fifoRig(0, { variant: '16550' });
    r.arrive(1, 2);
    expect(r.rd(LSR) & 0x03).toBe(0x03);
    expect(r.rd(RBR)).toBe(2);
  });
});

describe('FCR (PC16550D 8.5)', () => {
  it('bits other than bit 0 need bit 0 in the same write', () => {
    const r = fifoRig(3);
    r.arrive(1, 2, 3);
    r.wr(FCR, 0x81);
    expect(r.uart.inspect().receiver.trigger).toBe(8);
    r.wr(FCR, 0x40); // turns the FIFO off; the trigger is not programmed
    r.wr(FCR, 0x01);
    expect(r.uart.inspect().receiver.trigger).toBe(1);
  });

  it('any change of bit 0 clears both FIFOs', () => {
    const r = fifoRig();
    r.arrive(1, 2);
    for (const byte of [1, 2, 3]) r.wr(THR, byte);
    r.wr(FCR, 0x00);
    expect(r.rd(LSR)).toBe(0x20); // the byte in the shift register goes on
    r.run(FRAME_NS);
    expect(r.rd(LSR)).toBe(0x60);
    expect([...r.line.bytes]).toEqual([1]);
    expect(r.uart.counters.receiveLost).toBe(2);
    expect(r.uart.counters.transmitLost).toBe(2);
  });

  it('bit 1 clears the receiver FIFO, bit 2 the transmitter FIFO, and both reset themselves', () => {
    const r = fifoRig();
    r.arrive(1, 2);
    for (const byte of [1, 2, 3]) r.wr(THR, byte);
    r.wr(FCR, 0x03);
    expect(r.rd(LSR) & 0x21).toBe(0x00);
    r.wr(FCR, 0x05);
    expect(r.rd(LSR) & 0x21).toBe(0x20);
    r.arrive(3);
    expect(r.rd(RBR)).toBe(3);
  });

  it.each([
    ['16550A', [1, 4, 8, 14]],
    ['16650V2', [8, 16, 24, 28]],
  ] as const)('%s: bits 7:6 select the trigger level', (variant, levels) => {
    levels.forEach((level, code) => {
      const r = fifoRig(code, { variant });
      r.wr(IER, 0x01);
      r.arrive(...new Array<number>(level - 1).fill(0));
      expect(r.irq).toBe(false);
      r.arrive(0);
      expect(r.irq).toBe(true);
    });
  });

  it('parts without FIFO ignore it', () => {
    const r = rig({ variant: '16450' });
    r.arrive(7);
    r.wr(FCR, 0x07);
    expect(r.rd(RBR)).toBe(7);
  });
});

describe('64-byte mode (TL16C750)', () => {
  const deep = () => {
    const r = rig({ variant: '16750' });
    r.wr(LCR, 0x83);
    r.wr(FCR, 0x21);
    r.wr(LCR, 0x03);
    return r;
  };

  it('FCR.5 counts only while DLAB is set; IIR.5 shows it', () => {
    const r = rig({ variant: '16750' });
    r.wr(FCR, 0x21);
    expect(r.rd(IIR)).toBe(0xc1);
    expect(deep().rd(IIR)).toBe(0xe1);
  });

  it('takes 64 characters each way', () => {
    const r = deep();
    for (let i = 0; i < 65; i++) r.wr(THR, i); // one goes straight to the shift register
    expect(r.uart.counters.transmitLost).toBe(0);
    r.wr(THR, 65);
    expect(r.uart.counters.transmitLost).toBe(1);
    r.arrive(...new Array<number>(64).fill(1));
    expect(r.uart.counters.overruns).toBe(0);
    r.arrive(1);
    expect(r.uart.counters.overruns).toBe(1);
  });

  it('has trigger levels 1, 16, 32 and 56', () => {
    const r = rig({ variant: '16750' });
    [1, 16, 32, 56].forEach((level, code) => {
      r.wr(LCR, 0x83);
      r.wr(FCR, 0x21 | (code << 6));
      r.wr(LCR, 0x03);
      expect(r.uart.inspect().receiver.trigger).toBe(level);
    });
  });

  it('an FCR write with DLAB clear goes back to 16 bytes', () => {
    const r = deep();
    r.wr(FCR, 0x21);
    expect(r.rd(IIR)).toBe(0xc1);
  });

  it('the other parts have no such mode', () => {
    const r = rig();
    r.wr(LCR, 0x83);
    r.wr(FCR, 0x21);
    expect(r.rd(IIR)).toBe(0xc1);
  });
});

describe('EFR (16C650)', () => {
  it('lies behind LCR = BF and reads 0 after reset; FCR and IIR are hidden there', () => {
    const r = rig({ variant: '16650V2' });
    r.wr(FCR, 0x01);
    r.wr(LCR, 0xbf);
    expect(r.rd(EFR)).toBe(0x00);
    r.wr(EFR, 0x10);
    expect(r.rd(EFR)).toBe(0x10);
    r.wr(LCR, 0x03);
    expect(r.rd(IIR)).toBe(0xc1);
  });

  it('Xon/Xoff registers are at offsets 4 to 7 behind LCR = BF', () => {
    const r = rig({ variant: '16650V2' });
    r.wr(MCR, 0x03);
    r.wr(LCR, 0xbf);
    [0x11, 0x12, 0x13, 0x14].forEach((value, i) => r.wr(4 + i, value));
    expect([4, 5, 6, 7].map((o) => r.rd(o))).toEqual([0x11, 0x12, 0x13, 0x14]);
    r.wr(LCR, 0x03);
    expect(r.rd(MCR)).toBe(0x03);
  });

  it('EFR.4 opens IER 7:4, FCR 5:4 and MCR 7:5; closing it keeps them', () => {
    const r = rig({ variant: '16650V2' });
    const efr = (value: number) => {
      r.wr(LCR, 0xbf);
      r.wr(EFR, value);
      r.wr(LCR, 0x03);
    };
    efr(0x10);
    r.wr(IER, 0xf0);
    r.wr(MCR, 0xe0);
    efr(0x00);
    r.wr(IER, 0x05);
    r.wr(MCR, 0x03);
    expect(r.rd(IER)).toBe(0xf5);
    expect(r.rd(MCR)).toBe(0xe3);
  });

  it('a 16550A has FCR and IIR at LCR = BF', () => {
    const r = rig();
    r.wr(FCR, 0x01);
    r.wr(LCR, 0xbf);
    expect(r.rd(EFR)).toBe(0xc1);
  });
});

describe('bus (device tree reg-shift and reg-io-width)', () => {
  const make = (registerShift: 0 | 1 | 2, registerBytes: 1 | 2 | 4) =>
    new Uart8250({
      name: 'uart0',
      variant: '16550A',
      clockHz: 1_843_200,
      clock: new FakeClock(),
      irq: () => undefined,
      registerShift,
      registerBytes,
    });

  it('registers are 1 << reg-shift bytes apart, the value in the low byte', () => {
    const uart = make(2, 4);
    uart.write(SCR << 2, 4, 0xffff_ff5a);
    expect(uart.read(SCR << 2, 4)).toBe(0x5a);
    expect(uart.read(SCR << 2, 1)).toBe(0x5a);
    expect(uart.read((SCR << 2) + 1, 1)).toBe(0);
    expect(uart.windowBytes).toBe(32);
  });

  it('an access wider than an 8-bit bus reaches the registers one after the other', () => {
    const uart = make(0, 1);
    uart.write(LCR, 2, 0x0b_1b); // LCR = 1B, MCR = 0B
    expect([uart.read(LCR, 1), uart.read(MCR, 1)]).toEqual([0x1b, 0x0b]);
    expect(uart.read(LCR, 2)).toBe(0x0b1b);
    expect(uart.read(4, 4)).toBe(0x00b0_600b);
  });

  it('an access of full width to a 32-bit bus reaches one register only', () => {
    const uart = make(0, 4);
    uart.write(SCR, 1, 0x77);
    uart.write(LCR, 4, 0x0b_1b);
    expect([uart.read(LCR, 1), uart.read(MCR, 1)]).toEqual([0x1b, 0x00]);
  });

  it('beyond the eight registers there is nothing', () => {
    const uart = make(1, 2);
    uart.write(16, 2, 0xffff);
    expect(uart.read(16, 2)).toBe(0);
  });

  it('rejects a clock rate that is no positive integer', () => {
    for (const clockHz of [0, -1, 0.5, NaN, Infinity]) {
      expect(
        () =>
          new Uart8250({
            name: 'uart0',
            variant: '8250',
            clockHz,
            clock: new FakeClock(),
            irq: () => undefined,
          }),
      ).toThrow(RangeError);
    }
  });
});
