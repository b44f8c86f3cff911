// Shell commands about serial ports: uart, break, modemwait; and which port an argument names.

import { is_digit, str } from '../lib/string';
import {
  UART_BUG_THRE,
  UART_BUG_TXEN,
  UART_CAP_AFE,
  UART_CAP_EFR,
  UART_CAP_FIFO,
  serial8250_type_name,
  uart_8250_port,
} from '../serial/8250-base';
import { serial8250_port_at, serial8250_ports, serial8250_tty } from '../serial/8250';
import {
  TIOCM_CAR,
  TIOCM_CTS,
  TIOCM_DSR,
  TIOCM_DTR,
  TIOCM_RNG,
  TIOCM_RTS,
  uart_circ_chars_pending,
} from '../serial/uart_port';
import {
  tty_send_break,
  uart_state_of,
  uart_tiocmget,
  uart_wait_modem_status,
} from '../serial/uart_tty';
import { tty_current, tty_printf } from '../tty/tty';
import { tty_struct } from '../tty/tty_io';
import { arg, register_command } from './commands';

/** The tty that an argument names (ttyS1, or 1), or null. */
export function find_tty(name: usize): tty_struct | null {
  let p = name;
  if (load<u32>(p) == 0x53797474) p += 4; // "ttyS"
  if (!is_digit(load<u8>(p)) || load<u8>(p + 1) != 0) return null;
  return serial8250_tty(<u32>load<u8>(p) - 0x30);
}

function show_line(on: bool, name: string): void {
  if (on) tty_printf('|%s', str(name));
}

function show_port(up: uart_8250_port): void {
  const i = up.icount;
  tty_printf('ttyS%u: mmio:0x%x irq:%u tx:%u rx:%u', up.line, up.membase, up.irq, i.tx, i.rx);
  tty_printf(
    ' oe:%u pe:%u fe:%u brk:%u bo:%u ',
    i.overrun,
    i.parity,
    i.frame,
    i.brk,
    i.buf_overrun,
  );
  const m = uart_tiocmget(up);
  show_line((m & TIOCM_RTS) != 0, 'RTS');
  show_line((m & TIOCM_CTS) != 0, 'CTS');
  show_line((m & TIOCM_DTR) != 0, 'DTR');
  show_line((m & TIOCM_DSR) != 0, 'DSR');
  show_line((m & TIOCM_CAR) != 0, 'CD');
  show_line((m & TIOCM_RNG) != 0, 'RI');
  tty_printf('\n');
}

function show_port_more(up: uart_8250_port): void {
  tty_printf(
    '       uart:%s fifo:%u tx_loadsz:%u',
    str(serial8250_type_name(up.type)),
    up.fifosize,
    up.tx_loadsz,
  );
  if (up.capabilities & UART_CAP_FIFO) tty_printf(' FIFO');
  if (up.capabilities & UART_CAP_EFR) tty_printf(' EFR');
  if (up.capabilities & UART_CAP_AFE) tty_printf(' AFE');
  tty_printf('\n       THRE test:%s', str(up.bugs & UART_BUG_THRE ? 'lost' : 'ok'));
  tty_printf(' TXEN test:%s\n', str(up.bugs & UART_BUG_TXEN ? 'lost' : 'ok'));
  const i = up.icount;
  tty_printf('       modem changes cts:%u dsr:%u dcd:%u ri:%u\n', i.cts, i.dsr, i.dcd, i.rng);
  tty_printf(
    '       irqs:%u pass limit:%u backup timeouts:%u console timeouts:%u\n',
    up.irqs,
    up.passes_over_limit,
    up.backup_timeouts,
    up.console_timeouts,
  );
  const state = up.state;
  if (state != null) {
    tty_printf('       to send:%u hw_stopped:%u', uart_circ_chars_pending(state), up.hw_stopped);
    tty_printf(' opens:%u blocked:%u\n', up_tty_count(up), state.port.blocked_open);
  }
}

function up_tty_count(up: uart_8250_port): u32 {
  const tty = serial8250_tty(up.line);
  return tty == null ? 0 : tty.count;
}

function cmd_uart(argc: u32, argv: usize): void {
  for (let n: u32 = 0; n < serial8250_ports(); n++) {
    const up = serial8250_port_at(n);
    if (serial8250_tty(n) == null) continue;
    show_port(up);
    if (argc > 1) show_port_more(up);
  }
}

/** break [ttySn]: sends a BREAK. */
function cmd_break(argc: u32, argv: usize): void {
  const tty = argc > 1 ? find_tty(arg(argv, 1)) : tty_current();
  if (tty != null) tty_send_break(tty);
}

/** modemwait [ttySn]: waits until CTS, DSR, RI or DCD changes. */
function cmd_modemwait(argc: u32, argv: usize): void {
  const tty = argc > 1 ? find_tty(arg(argv, 1)) : tty_current();
  if (tty == null) return;
  tty_printf('modemwait: waiting\n');
  const mask = TIOCM_CTS | TIOCM_DSR | TIOCM_RNG | TIOCM_CAR;
  const error = uart_wait_modem_status(uart_state_of(tty), mask);
  const m = uart_tiocmget(uart_state_of(tty).uart_port);
  if (error != 0) tty_printf('modemwait: error %d\n', error);
  else tty_printf('modemwait: modem lines 0x%x\n', m);
}

export function register_uart_commands(): void {
  register_command('uart', '[-v]', 'counters of the serial ports', cmd_uart);
  register_command('break', '[ttySn]', 'send a BREAK', cmd_break);
  register_command('modemwait', '[ttySn]', 'wait for a modem line to change', cmd_modemwait);
}
