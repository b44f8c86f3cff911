// 8250 driver: finding out which part it is, by the sequence of reads and writes that Linux's
// autoconfig() does. Leaves out the parts our UART model does not have beyond recognising that it is
// none of them: NS16550A super-I/O banks, 16850, 16950, XScale.
//
// A port that carries the boot console is in use already: the steps that need the loopback mode, and
// so would lose what the other side sends, are left out there.

import { ktime_get_ns, udelay } from '../time/timekeeping';
import {
  PORT_16450,
  PORT_16550,
  PORT_16550A,
  PORT_16650V2,
  PORT_16654,
  PORT_16750,
  PORT_8250,
  PORT_U6_16550A,
  PORT_UNKNOWN,
  serial8250_stash_rx,
  serial8250_use_type,
  serial_in,
  serial_lsr_in,
  serial_out,
  uart_8250_port,
} from './8250-base';
import {
  UART_DLL,
  UART_DLM,
  UART_EFR,
  UART_FCR,
  UART_FCR7_64BYTE,
  UART_FCR_CLEAR_RCVR,
  UART_FCR_CLEAR_XMIT,
  UART_FCR_ENABLE_FIFO,
  UART_IER,
  UART_IIR,
  UART_LCR,
  UART_LCR_CONF_MODE_B,
  UART_LCR_DLAB,
  UART_LCR_WLEN8,
  UART_LSR,
  UART_LSR_DR,
  UART_MCR,
  UART_MCR_LOOP,
  UART_MCR_OUT2,
  UART_MCR_RTS,
  UART_MSR,
  UART_MSR_CTS,
  UART_MSR_DCD,
  UART_RX,
  UART_SCR,
  UART_TX,
} from './8250-regs';
import { uart_port_lock_irqsave, uart_port_unlock_irqrestore } from './uart_lock';
import { UPF_SKIP_TEST } from './uart_port';

/** How long 256 characters at the highest rate may take, ns. */
const SIZE_FIFO_NS: u64 = 20_000_000;

/** Is there an interrupt enable register at all? An absent port reads all ones. */
function has_ier(up: uart_8250_port): bool {
  const saved = serial_in(up, UART_IER);
  serial_out(up, UART_IER, 0);
  const zeros = serial_in(up, UART_IER) & 0x0f;
  serial_out(up, UART_IER, 0x0f);
  const ones = serial_in(up, UART_IER) & 0x0f;
  serial_out(up, UART_IER, saved);
  return zeros == 0 && ones == 0x0f;
}

/**
 * Turning the FIFOs on empties them, and the next character may come at any moment: on an emulator,
 * whenever the last one is read. So nothing is let in meanwhile (loopback), and the same few accesses
 * are done twice, the first time without effect: then an emulator has its code ready, and the window
 * is small. (Linux writes EFR = 0 before this; here that comes when we know that there is an EFR.)
 */
function enable_fifos(up: uart_8250_port): void {
  const mcr = serial_in(up, UART_MCR);
  for (let on: u32 = 0; on < 2; on++) {
    serial_out(up, UART_MCR, mcr | UART_MCR_LOOP);
    serial8250_stash_rx(up, serial_lsr_in(up));
    if (on || !(serial_in(up, UART_IIR) & 0xc0)) serial_out(up, UART_FCR, on);
    serial_out(up, UART_MCR, mcr);
  }
}

/** Modem outputs come back as inputs in loopback mode: RTS as CTS, OUT2 as DCD. */
function loops_back(up: uart_8250_port, mcr: u32): bool {
  serial_out(up, UART_MCR, UART_MCR_LOOP | UART_MCR_OUT2 | UART_MCR_RTS);
  const msr = serial_in(up, UART_MSR) & 0xf0;
  serial_out(up, UART_MCR, mcr);
  return msr == (UART_MSR_DCD | UART_MSR_CTS);
}

/** Counts what the receive FIFO keeps of 256 characters sent in loopback mode. */
function size_fifo(up: uart_8250_port): u32 {
  const old_fcr: u32 = UART_FCR_ENABLE_FIFO;
  const old_mcr = serial_in(up, UART_MCR);
  const old_lcr = serial_in(up, UART_LCR);
  serial_out(up, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR | UART_FCR_CLEAR_XMIT);
  serial_out(up, UART_MCR, UART_MCR_LOOP);
  serial_out(up, UART_LCR, UART_LCR_DLAB);
  const dll = serial_in(up, UART_DLL);
  const dlm = serial_in(up, UART_DLM);
  serial_out(up, UART_DLL, 1);
  serial_out(up, UART_DLM, 0);
  serial_out(up, UART_LCR, UART_LCR_WLEN8);
  for (let i: u32 = 0; i < 256; i++) serial_out(up, UART_TX, i);
  const until = ktime_get_ns() + SIZE_FIFO_NS;
  while (ktime_get_ns() < until) udelay(1000);
  let count: u32 = 0;
  while (count < 256 && serial_in(up, UART_LSR) & UART_LSR_DR) {
    serial_in(up, UART_RX);
    count++;
  }
  serial_out(up, UART_FCR, old_fcr);
  serial_out(up, UART_MCR, old_mcr);
  serial_out(up, UART_LCR, UART_LCR_DLAB);
  serial_out(up, UART_DLL, dll);
  serial_out(up, UART_DLM, dlm);
  serial_out(up, UART_LCR, old_lcr);
  return count;
}

/** EFR answers behind LCR = 0xBF: one of the 16650 family. */
function autoconfig_has_efr(up: uart_8250_port): u32 {
  if (up.flags & UPF_SKIP_TEST) return PORT_16650V2;
  return size_fifo(up) == 64 ? PORT_16654 : PORT_16650V2;
}

/** IIR says 16550A: which of those that say so? FIFOs are on. */
function autoconfig_16550a(up: uart_8250_port): u32 {
  // Where a 16550A shows IIR whatever DLAB is, a 16650 shows EFR behind 0xBF.
  serial_out(up, UART_LCR, UART_LCR_DLAB);
  const behind_dlab = serial_in(up, UART_EFR);
  if (behind_dlab != 0) {
    serial_out(up, UART_LCR, UART_LCR_CONF_MODE_B);
    if (serial_in(up, UART_EFR) == 0) {
      serial_out(up, UART_EFR, 0xa8);
      const is_efr = serial_in(up, UART_EFR) != 0;
      serial_out(up, UART_EFR, 0);
      serial_out(up, UART_LCR, 0);
      if (is_efr) return autoconfig_has_efr(up);
    }
  }
  // A 16750 takes the 64-byte bit only while DLAB is set, and shows it in IIR.5.
  serial_out(up, UART_LCR, 0);
  serial_out(up, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR7_64BYTE);
  const without_dlab = serial_in(up, UART_IIR) >> 5;
  serial_out(up, UART_FCR, UART_FCR_ENABLE_FIFO);
  serial_out(up, UART_LCR, UART_LCR_DLAB);
  serial_out(up, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR7_64BYTE);
  const with_dlab = serial_in(up, UART_IIR) >> 5;
  serial_out(up, UART_FCR, UART_FCR_ENABLE_FIFO);
  serial_out(up, UART_LCR, 0);
  if (without_dlab == 6 && with_dlab == 7) return PORT_16750;
  if (!(up.flags & UPF_SKIP_TEST) && size_fifo(up) == 64) return PORT_U6_16550A;
  return PORT_16550A;
}

/** No FIFO: has it a scratch register? */
function autoconfig_8250(up: uart_8250_port): u32 {
  const saved = serial_in(up, UART_SCR);
  serial_out(up, UART_SCR, 0xa5);
  const first = serial_in(up, UART_SCR);
  serial_out(up, UART_SCR, 0x5a);
  const second = serial_in(up, UART_SCR);
  serial_out(up, UART_SCR, saved);
  return first == 0xa5 && second == 0x5a ? PORT_16450 : PORT_8250;
}

/**
 * Sets type, FIFO depth and capabilities. Boot; the port is not open. What has been received stays in
 * the stash. Afterwards the port's interrupts are off and its FIFOs are as up.fcr says.
 */
export function autoconfig(up: uart_8250_port): void {
  const flags = uart_port_lock_irqsave(up);
  let type: u32 = PORT_UNKNOWN;
  // First thing, as from here on the other side may send.
  if (serial_in(up, UART_LSR) != 0xff) enable_fifos(up);
  if (has_ier(up)) {
    const mcr = serial_in(up, UART_MCR);
    const lcr = serial_in(up, UART_LCR);
    if (up.flags & UPF_SKIP_TEST || loops_back(up, mcr)) {
      serial_out(up, UART_LCR, 0);
      switch (serial_in(up, UART_IIR) >> 6) {
        case 0:
          type = autoconfig_8250(up);
          break;
        case 2:
          // Its FIFOs lose characters.
          type = PORT_16550;
          break;
        case 3:
          type = autoconfig_16550a(up);
          break;
      }
      serial_out(up, UART_LCR, lcr);
      serial_out(up, UART_MCR, mcr);
      serial8250_use_type(up, type);
      serial_out(up, UART_FCR, up.fcr & ~UART_FCR7_64BYTE);
    }
  }
  if (type == PORT_UNKNOWN) serial8250_use_type(up, type);
  else serial_out(up, UART_IER, 0);
  uart_port_unlock_irqrestore(up, flags);
}
