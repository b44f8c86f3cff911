// What real drivers do to a UART, step by step, and what they conclude. The sequences are told in
// our own words after Linux 6.1 8250_port, FreeBSD ns8250, U-Boot ns16550, OpenSBI and xv6.

import { describe, expect, it } from 'vitest';
import type { Uart8250VariantName } from '../../../devices/uart8250/index.ts';
import {
  BI,
  DLL,
  DLM,
  DR,
  EFR,
  FCR,
  fifoRig,
  FRAME_NS,
  IER,
  IIR,
  LCR,
  LSR,
  MCR,
  MSR,
  OE,
  PC_CLOCK_HZ,
  RBR,
  rig,
  type Rig,
  type RigOptions,
  SCR,
  setLine,
  TEMT,
  THR,
  THRE,
} from './rig.ts';

const MICROSECOND = 1000;
const MILLISECOND = 1_000_000;

/** A part as a driver finds it: out of reset, on a PC clock, nothing programmed. */
function freshRig(variant: Uart8250VariantName, options: RigOptions = {}): Rig {
  const r = rig({ variant, clockHz: PC_CLOCK_HZ, ...options });
  r.uart.reset();
  r.run(10 * MILLISECOND);
  return r;
}

/** Linux size_fifo(): writes 256 bytes into loopback and counts what comes back. */
function linuxSizeFifo(r: Rig): number {
  const [lcr, mcr] = [r.rd(LCR), r.rd(MCR)];
  r.wr(LCR, 0x00);
  r.wr(FCR, 0x07);
  r.wr(MCR, 0x10);
  setLine(r, 1, 0x03);
  for (let i = 0; i < 256; i++) r.wr(THR, i);
  r.run(20 * MILLISECOND);
  let count = 0;
  while (r.rd(LSR) & DR && count < 256) {
    r.rd(RBR);
    count++;
  }
  r.wr(MCR, mcr);
  r.wr(LCR, lcr);
  return count;
}

/** Linux autoconfig_has_efr(): tells the parts with an EFR apart. */
function linuxEnhanced(r: Rig): string {
  r.wr(EFR, 0x10);
  r.wr(LCR, 0x00);
  // Indexed control registers of a 16950: index to SCR, value to offset 5.
  const readIcr = (index: number) => {
    r.wr(SCR, 0x00);
    r.wr(LSR, 0x40);
    r.wr(SCR, index);
    const value = r.rd(LSR);
    r.wr(SCR, 0x00);
    r.wr(LSR, 0x00);
    return value;
  };
  const ids = [0x08, 0x09, 0x0a, 0x0b].map(readIcr);
  if (ids[0] === 0x16 && ids[1] === 0xc9) return '16950';
  r.wr(LCR, 0x80);
  r.wr(DLL, 0);
  r.wr(DLM, 0);
  const divisorId = r.rd(DLM);
  setLine(r, 1, 0x00);
  if ([0x10, 0x12, 0x14].includes(divisorId)) return '16850';
  return linuxSizeFifo(r) === 64 ? '16654' : '16650V2';
}

/** Linux autoconfig_16550a(), with the variants that are not built in on x86. */
function linux16550a(r: Rig): string {
  r.wr(LCR, 0x80);
  if (r.rd(EFR) === 0) return 'EFRv1';
  r.wr(LCR, 0xbf);
  if (r.rd(EFR) === 0) return linuxEnhanced(r);
  // National's bank switching: bit 4 of offset 2 would follow MCR.4.
  r.wr(LCR, 0x00);
  const mcr = r.rd(MCR);
  r.wr(LCR, 0xe0);
  const bank = r.rd(2);
  if (((bank >> 4) & 1) !== ((mcr >> 4) & 1)) return 'NS16550A?';
  r.wr(LCR, 0x00);
  r.wr(MCR, mcr ^ 0x10);
  r.wr(LCR, 0xe0);
  const toggled = r.rd(2);
  r.wr(LCR, 0x00);
  r.wr(MCR, mcr);
  if (((bank ^ toggled) & 0x10) !== 0) return 'NS16550A';
  // 64-byte mode: with DLAB only on the 16750.
  r.wr(LCR, 0x00);
  r.wr(FCR, 0x21);
  const plain = r.rd(IIR) >> 5;
  r.wr(FCR, 0x01);
  r.wr(LCR, 0x80);
  r.wr(FCR, 0x21);
  const divisorAccess = r.rd(IIR) >> 5;
  r.wr(FCR, 0x01);
  r.wr(LCR, 0x00);
  if (plain === 6 && divisorAccess === 7) return '16750';
  // XScale: IER.6 can be written.
  const ier = r.rd(IER);
  r.wr(IER, ier & ~0x40);
  if ((r.rd(IER) & 0x40) === 0) {
    r.wr(IER, ier | 0x40);
    if (r.rd(IER) & 0x40) return 'XScale';
  }
  r.wr(IER, ier);
  return linuxSizeFifo(r) === 64 ? 'U6_16550A' : '16550A';
}

/** Linux autoconfig(): the part's name, or why there is none. */
function linuxAutoconfig(r: Rig): string {
  const ier = r.rd(IER);
  r.wr(IER, 0x00);
  const low = r.rd(IER) & 0x0f;
  r.wr(IER, 0x0f);
  const high = r.rd(IER) & 0x0f;
  r.wr(IER, ier);
  if (low !== 0 || high !== 0x0f) return 'no UART';
  const mcr = r.rd(MCR);
  const lcr = r.rd(LCR);
  r.wr(MCR, 0x1a);
  const loop = r.rd(MSR) & 0xf0;
  r.wr(MCR, mcr);
  if (loop !== 0x90) return 'loopback test failed';
  r.wr(LCR, 0xbf);
  r.wr(EFR, 0x00);
  r.wr(LCR, 0x00);
  r.wr(FCR, 0x01);
  const name = (() => {
    switch (r.rd(IIR) >> 6) {
      case 0: {
        const scratch = r.rd(SCR);
        r.wr(SCR, 0xa5);
        const first = r.rd(SCR);
        r.wr(SCR, 0x5a);
        const second = r.rd(SCR);
        r.wr(SCR, scratch);
        return first === 0xa5 && second === 0x5a ? '16450' : '8250';
      }
      case 1:
        return 'unknown';
      case 2:
        return '16550';
      default:
        return linux16550a(r);
    }
  })();
  r.wr(LCR, lcr);
  // Puts the port to rest.
  r.wr(MCR, mcr);
  for (const fcr of [0x01, 0x07, 0x00]) r.wr(FCR, fcr);
  r.rd(RBR);
  r.wr(IER, 0x00);
  return name;
}

describe('Linux autoconfig() finds each part as itself', () => {
  it.each([
    ['8250', '8250'],
    ['16450', '16450'],
    ['16550', '16550'],
    ['16550A', '16550A'],
    ['16550C', '16550A'],
    ['16650V2', '16650V2'],
    ['16750', '16750'],
  ] as const)('%s as %s', (variant, detected) => {
    const r = freshRig(variant);
    expect(linuxAutoconfig(r)).toBe(detected);
    expect(r.rd(LSR) & ~(THRE | TEMT)).toBe(0);
    expect(r.irq).toBe(false);
  });

  it('also on a PC whose OUT2 gates the interrupt, and without character times', () => {
    expect(linuxAutoconfig(freshRig('16550A', { out2GatesIrq: true }))).toBe('16550A');
    expect(linuxAutoconfig(freshRig('16750', { noBaud: true }))).toBe('16750');
  });

  it('nothing of it reaches the line: no character, no BREAK', () => {
    const r = freshRig('16550A');
    r.line.clear();
    linuxAutoconfig(r);
    r.run(10 * MILLISECOND);
    const kinds = r.line.events.map((event) => event.kind);
    expect(kinds).not.toContain('transmit');
    expect(kinds).not.toContain('break');
  });

  it.each([
    ['16550A', 16],
    ['16650V2', 32],
  ] as const)('size_fifo of the %s is %i', (variant, size) => {
    const r = freshRig(variant);
    expect(linuxSizeFifo(r)).toBe(size);
  });
});

describe('Linux serial8250_do_startup()', () => {
  const startup = (r: Rig) => {
    for (const fcr of [0x01, 0x07, 0x00]) r.wr(FCR, fcr);
    for (const register of [LSR, RBR, IIR, MSR]) r.rd(register);
    expect(r.rd(LSR)).not.toBe(0xff);
    // THRE test: the interrupt must come back when IER.1 is set anew.
    while ((r.rd(LSR) & THRE) === 0) r.run(MICROSECOND);
    r.wr(IER, 0x02);
    r.run(MICROSECOND);
    const first = r.rd(IIR);
    r.wr(IER, 0x00);
    r.wr(IER, 0x02);
    r.run(MICROSECOND);
    const second = r.rd(IIR);
    r.wr(IER, 0x00);
    r.wr(LCR, 0x03);
    r.wr(MCR, 0x08);
    // TXEN test: an idle transmitter must interrupt.
    r.wr(IER, 0x02);
    const lsr = r.rd(LSR);
    const iir = r.rd(IIR);
    r.wr(IER, 0x00);
    for (const register of [LSR, RBR, IIR, MSR]) r.rd(register);
    return {
      bugThre: (first & 1) === 0 && (second & 1) !== 0,
      bugTxen: (lsr & TEMT) !== 0 && (iir & 1) !== 0,
      noThre: (first & 1) !== 0,
    };
  };

  it.each(['8250', '16450', '16550', '16550A', '16550C', '16650V2', '16750'] as const)(
    '%s: neither UART_BUG_THRE nor UART_BUG_TXEN',
    (variant) => {
      const r = freshRig(variant);
      expect(startup(r)).toEqual({ bugThre: false, bugTxen: false, noThre: false });
      expect(r.irq).toBe(false);
    },
  );

  it('set_termios: 115200 8N1, FCR with DLAB still set on the 16750 gives 64 bytes', () => {
    const r = freshRig('16750');
    startup(r);
    r.wr(IER, 0x05);
    r.wr(LCR, 0x83);
    r.wr(DLL, 1);
    r.wr(DLM, 0);
    r.wr(FCR, 0x01);
    r.wr(FCR, 0xa1);
    r.wr(LCR, 0x03);
    r.wr(MCR, 0x0b);
    expect(r.rd(IIR)).toBe(0xe1);
    r.run(MILLISECOND);
    expect(r.line.settings).toEqual({ baud: 115_200, dataBits: 8, parity: 'none', stopBits: 1 });
    expect(r.line.outputs).toEqual({ dtr: true, rts: true, out1: false, out2: true });
  });
});

describe('Linux interrupt handler', () => {
  /** One pass: reads and writes as serial8250_handle_irq() would. */
  const handle = (r: Rig, toSend: number[], received: number[]): boolean => {
    if (r.rd(IIR) & 1) return false;
    let lsr = r.rd(LSR);
    for (let limit = 256; lsr & (DR | BI) && limit > 0; limit--) {
      received.push(r.rd(RBR));
      lsr = r.rd(LSR);
    }
    r.rd(MSR);
    if (lsr & THRE && r.rd(IER) & 0x02) {
      for (let i = 0; i < 16 && toSend.length > 0; i++) r.wr(THR, toSend.shift() ?? 0);
      if (toSend.length === 0) r.wr(IER, 0x05);
    }
    return true;
  };

  it('sends and receives a few hundred bytes both ways, nothing lost', () => {
    const r = fifoRig(2, { clockHz: PC_CLOCK_HZ });
    const toSend = Array.from({ length: 500 }, (_, i) => i & 0xff);
    const expected = [...toSend];
    const received: number[] = [];
    r.line.send(expected);
    r.wr(IER, 0x07);
    for (let i = 0; i < 20_000 && (received.length < 500 || !(r.rd(LSR) & TEMT)); i++) {
      r.run(10 * MICROSECOND);
      for (let passes = 0; r.irq && handle(r, toSend, received); passes++) {
        expect(passes).toBeLessThan(512); // "too much work for irq"
      }
    }
    expect(received).toEqual(expected);
    expect([...r.line.bytes]).toEqual(expected);
  });
});

describe('Linux console write', () => {
  it('input that arrives while IER is masked interrupts when IER is restored', () => {
    const r = fifoRig(2, { clockHz: PC_CLOCK_HZ });
    r.wr(IER, 0x05);
    const ier = r.rd(IER);
    r.wr(IER, 0x00);
    r.line.send('q');
    for (const byte of 'hello\r\n') {
      for (let us = 0; us < 10_000 && (r.rd(LSR) & THRE) === 0; us++) r.run(MICROSECOND);
      r.wr(THR, byte.charCodeAt(0));
    }
    for (let us = 0; us < 10_000 && (r.rd(LSR) & (THRE | TEMT)) !== (THRE | TEMT); us++) {
      r.run(MICROSECOND);
    }
    expect(r.irq).toBe(false);
    r.wr(IER, ier);
    expect(r.irq).toBe(true);
    expect(r.rd(IIR) & 0x0f).toBe(0x0c);
    expect(r.rd(RBR)).toBe(0x71);
    expect(r.line.text).toBe('hello\r\n');
  });

  it('16 bytes blind after one THRE check, as often as it likes', () => {
    const r = fifoRig(0, { clockHz: PC_CLOCK_HZ });
    const text = 'x'.repeat(160);
    for (let at = 0; at < text.length; at += 16) {
      for (let us = 0; us < 160_000 && (r.rd(LSR) & THRE) === 0; us++) r.run(MICROSECOND);
      for (const byte of text.slice(at, at + 16)) r.wr(THR, byte.charCodeAt(0));
    }
    r.run(2 * MILLISECOND);
    expect(r.line.text).toBe(text);
  });

  it('the canary in SCR survives everything but a power cycle', () => {
    const r = fifoRig();
    r.wr(SCR, 0xa5);
    r.uart.reset();
    expect(r.rd(SCR)).toBe(0xa5);
  });
});

describe('FreeBSD ns8250', () => {
  it.each(['8250', '16450', '16550A', '16550C', '16650V2', '16750'] as const)(
    'probe of a %s: bits that must be 0 are',
    (variant) => {
      const r = freshRig(variant);
      expect(r.rd(IIR) & 0x30).toBe(0);
      expect(r.rd(MCR) & 0xe0).toBe(0);
      expect(r.rd(IER) & 0xf0).toBe(0);
    },
  );

  it('flush: every interrupt can be cleared', () => {
    const r = fifoRig();
    r.wr(IER, 0x0f);
    r.arrive(1, 2, 3);
    r.line.modem({ dcd: false });
    r.line.input({ kind: 'overrun' });
    let passes = 0;
    for (let iir = r.rd(IIR); (iir & 1) === 0; iir = r.rd(IIR)) {
      switch (iir & 0x0f) {
        case 0x06:
          r.rd(LSR);
          break;
        case 0x04:
        case 0x0c:
          r.rd(RBR);
          break;
        case 0x00:
          r.rd(MSR);
          break;
        default: // THRE: the IIR read itself
      }
      expect(++passes).toBeLessThan(20);
    }
  });

  it.each([
    ['16550A', 16],
    ['16650V2', 32],
  ] as const)('sizes the FIFO of a %s in loopback by the first overrun', (variant, size) => {
    const r = fifoRig(0, { variant });
    r.wr(MCR, 0x10);
    let count = 0;
    let lsr = 0;
    do {
      r.wr(THR, 0);
      count++;
      let wait = 30; // tenths of a character
      do {
        r.run(FRAME_NS / 10);
        lsr |= r.rd(LSR);
      } while (wait-- > 0 && (r.rd(LSR) & TEMT) === 0);
      expect(wait).toBeGreaterThan(0);
    } while ((lsr & OE) === 0 && count < 130);
    expect(count - 1).toBe(size);
  });
});

describe('U-Boot', () => {
  it('init waits for TEMT, programs, writes; reinit writes divisor 0', () => {
    const r = freshRig('16550A');
    expect(r.rd(LSR) & TEMT).toBe(TEMT);
    r.wr(IER, 0x00);
    r.wr(MCR, 0x03);
    r.wr(FCR, 0x07);
    setLine(r, 1, 0x03);
    for (const byte of 'U-Boot') {
      for (let i = 0; i < 1000 && (r.rd(LSR) & THRE) === 0; i++) r.run(MICROSECOND);
      r.wr(THR, byte.charCodeAt(0));
    }
    setLine(r, 0, 0x03);
    r.wr(THR, 0x21);
    r.run(MILLISECOND);
    expect(r.line.text).toBe('U-Boot!');
  });
});

describe('OpenSBI', () => {
  it.each([
    [0, 1],
    [1, 2],
    [2, 4],
  ] as const)('reg-shift %i, reg-io-width %i, MCR = 0: polled output works', (shift, width) => {
    const r = freshRig('16550A', { registerShift: shift, registerBytes: width });
    const wr = (register: number, value: number) => r.uart.write(register << shift, width, value);
    const rd = (register: number) => r.uart.read(register << shift, width);
    wr(IER, 0x00);
    wr(LCR, 0x80);
    wr(DLL, 1);
    wr(DLM, 0);
    wr(LCR, 0x03);
    wr(FCR, 0x01);
    wr(MCR, 0x00);
    rd(LSR);
    rd(RBR);
    wr(SCR, 0x00);
    for (const byte of 'OpenSBI v1.3\n') {
      while ((rd(LSR) & THRE) === 0) r.run(MICROSECOND);
      wr(THR, byte.charCodeAt(0));
    }
    r.run(2 * MILLISECOND);
    expect(r.line.text).toBe('OpenSBI v1.3\n');
  });
});

describe('xv6', () => {
  const init = () => {
    const r = freshRig('16550A');
    r.wr(IER, 0x00);
    setLine(r, 3, 0x03);
    r.wr(FCR, 0x07);
    r.wr(IER, 0x03);
    return r;
  };

  it('of 2022 never reads IIR: THRE keeps the line high, as on the real part (xv6 PR 167)', () => {
    const r = init();
    expect(r.irq).toBe(true);
    r.rd(LSR);
    r.rd(RBR);
    expect(r.irq).toBe(true);
  });

  it('that reads IIR first gets a quiet line', () => {
    const r = init();
    r.rd(IIR);
    expect(r.irq).toBe(false);
    r.line.send('l');
    r.run(MILLISECOND);
    expect(r.irq).toBe(true);
    r.rd(IIR);
    expect(r.rd(LSR) & DR).toBe(DR);
    expect(r.rd(RBR)).toBe(0x6c);
    expect(r.irq).toBe(false);
  });
});
