// 8250 driver: its ports, from the device tree, and setting them up at boot: ttyS0 first as boot
// console, all of them with serial8250_init(). Linux's 8250_core.c, 8250_of.c and console options.

import { WRITE_ONCE } from '../arch/atomic';
import { UartNode, board, uart_node } from '../arch/fdt';
import { spin_lock_init, spinlock_t } from '../locking/spinlock';
import { param_is } from '../init/params';
import { snprintf } from '../lib/format';
import { str } from '../lib/string';
import { memblock_alloc } from '../mm/memblock';
import {
  CON_ANYTIME,
  CON_CONSDEV,
  CON_NBCON,
  CON_PRINTBUFFER,
  Console,
  register_console,
} from '../printk/console';
import {
  CONSOLE_OPTIONS_MAX,
  ConsoleOption,
  console_option,
  console_device,
  console_options,
  console_options_report,
  parse_console_options,
} from '../printk/console-options';
import { emitter } from '../printk/emit/emit';
import { dev_info_init, dev_printk_emit } from '../printk/dev_printk';
import { LOGLEVEL_INFO } from '../printk/levels';
import { pr_info, pr_warn } from '../printk/printk';
import { DEV_INFO_SIZE } from '../printk/store/store';
import { timer_list } from '../time/timer';
import { CLOCAL, CREAD, CRTSCTS, CS7, CS8, HUPCL, PARENB, PARODD, ktermios } from '../tty/termios';
import { tty_struct } from '../tty/tty_io';
import { PORT_UNKNOWN, STASH_BYTES, serial8250_type_name, uart_8250_port } from './8250-base';
import { earlycon_option, earlycon_port, register_early_console } from './8250-early';
import { serial8250_nbcon_setup } from './8250-nbcon';
import {
  serial8250_console_write,
  serial8250_early_write,
  serial8250_drain,
  serial8250_get_poll_char,
  serial8250_put_poll_char,
} from './8250-console';
import {
  serial8250_break_ctl,
  serial8250_enable_ms,
  serial8250_get_mctrl,
  serial8250_set_mctrl,
  serial8250_shutdown,
  serial8250_start_tx,
  serial8250_startup,
  serial8250_stop_rx,
  serial8250_stop_tx,
  serial8250_tx_empty,
  serial8250_type,
} from './8250-port';
import { uart_sysrq_under_lock } from './serial_core';
import { autoconfig } from './8250-probe';
import { serial8250_set_termios, uart_get_divisor } from './8250-termios';
import {
  TIOCM_DTR,
  TIOCM_OUT2,
  TIOCM_RTS,
  UPF_CONS_FLOW,
  UPF_SKIP_TEST,
  uart_icount,
  uart_ops,
} from './uart_port';
import { uart_add_one_port } from './uart_tty';

export const UART_NR: u32 = 4;
/** Bytes from one port to the next; its timer lies behind it. */
const PORT_STRIDE: usize = 512;

const ports: usize = memory.data(512 * 4, 8);
const locks: usize = memory.data(offsetof<spinlock_t>() * 4, 8);
const icounts: usize = memory.data(offsetof<uart_icount>() * 4, 8);
const ttys: usize = memory.data(4 * 4, 4);
/** For messages about a port, at boot: its name, and its dev_info. */
const device_name: usize = memory.data(32, 4);
const DEVICE_NAME_MAX: u32 = 32;
const device_info: usize = memory.data(DEV_INFO_SIZE, 4);
const consoles: usize = memory.data(offsetof<Console>() * 4, 8);
const first_stash: usize = memory.data(8192, 4);
/** n of the boot console's ttySn. */
const early_line: usize = memory.data(4, 4);
const ops: uart_ops = changetype<uart_ops>(memory.data(offsetof<uart_ops>(), 4));
const console_termios: ktermios = changetype<ktermios>(memory.data(offsetof<ktermios>(), 4));

/** Ports that the device tree has. */
export function serial8250_ports(): u32 {
  return board.nr_uarts < UART_NR ? board.nr_uarts : UART_NR;
}

export function serial8250_port_at(n: u32): uart_8250_port {
  return changetype<uart_8250_port>(ports + <usize>n * PORT_STRIDE);
}

/** The tty ttyS<n>, or null if there is none. */
export function serial8250_tty(n: u32): tty_struct | null {
  if (n >= serial8250_ports()) return null;
  return changetype<tty_struct | null>(load<usize>(ttys + ((<usize>n) << 2)));
}

function setup_ops(): void {
  ops.tx_empty = serial8250_tx_empty;
  ops.set_mctrl = serial8250_set_mctrl;
  ops.get_mctrl = serial8250_get_mctrl;
  ops.stop_tx = serial8250_stop_tx;
  ops.start_tx = serial8250_start_tx;
  ops.stop_rx = serial8250_stop_rx;
  ops.enable_ms = serial8250_enable_ms;
  ops.break_ctl = serial8250_break_ctl;
  ops.startup = serial8250_startup;
  ops.shutdown = serial8250_shutdown;
  ops.set_termios = serial8250_set_termios;
  ops.type = serial8250_type;
  ops.poll_get_char = serial8250_get_poll_char;
  ops.poll_put_char = serial8250_put_poll_char;
}

/** A port as the device tree describes it. */
function init_port(n: u32, stash: usize): uart_8250_port {
  const up = serial8250_port_at(n);
  const node: UartNode = uart_node(n);
  up.lock = changetype<spinlock_t>(locks + <usize>n * offsetof<spinlock_t>());
  spin_lock_init(up.lock, 'port_lock');
  up.icount = changetype<uart_icount>(icounts + <usize>n * offsetof<uart_icount>());
  up.timer = changetype<timer_list>(changetype<usize>(up) + offsetof<uart_8250_port>());
  up.membase = node.base;
  up.regshift = node.reg_shift;
  up.irq = node.irq;
  up.uartclk = node.clock;
  up.line = n;
  up.ops = ops;
  up.has_sysrq = 1;
  up.stash = stash;
  return up;
}

/** Programs a console's settings; the first open of its tty takes them over. Boot. */
function uart_set_options(up: uart_8250_port, option: ConsoleOption): void {
  const t = console_termios;
  t.c_cflag = CREAD | HUPCL | CLOCAL | (option.bits == 7 ? CS7 : CS8);
  if (option.parity == 0x6f) t.c_cflag |= PARENB | PARODD;
  else if (option.parity == 0x65) t.c_cflag |= PARENB;
  if (option.flow) {
    t.c_cflag |= CRTSCTS;
    up.flags |= UPF_CONS_FLOW;
  }
  t.c_speed = option.baud;
  t.c_iflag = 0;
  up.mctrl |= TIOCM_DTR | TIOCM_RTS | TIOCM_OUT2;
  serial8250_set_termios(up, t);
  up.cons_cflag = t.c_cflag;
  up.cons_speed = t.c_speed;
}

/** The port of the boot console. */
function early_port(): uart_8250_port {
  return serial8250_port_at(load<u32>(early_line));
}

/**
 * Finds out what the boot console's UART is and sets it up for polled use. Boot CPU, as soon as the
 * device tree has been read: what the other side sends is kept from here on.
 */
export function setup_earlycon(): void {
  if (board.nr_uarts == 0) return;
  setup_ops();
  parse_console_options(serial8250_ports());
  store<u32>(early_line, earlycon_port(serial8250_ports()));
  const up = init_port(load<u32>(early_line), first_stash);
  up.flags |= UPF_SKIP_TEST;
  autoconfig(up);
  const option = earlycon_option(up.line);
  if (option != null) uart_set_options(up, option);
}

/** Registers the boot console. Boot CPU, after the first lines have been logged. */
export function register_earlycon(): void {
  if (board.nr_uarts != 0) register_early_console(early_port());
}

/** Makes a port's console a real one. */
function register_port_console(up: uart_8250_port, option: ConsoleOption): void {
  const console = changetype<Console>(consoles + <usize>up.line * offsetof<Console>());
  console.name = 'ttyS';
  console.index = up.line;
  // Its driver uses nothing that a CPU has to set up first.
  console.flags = CON_PRINTBUFFER | CON_ANYTIME;
  if (up.line == console_device()) console.flags |= CON_CONSDEV;
  if (emitter.uses_nbcon) console.flags |= CON_NBCON;
  console.data = changetype<usize>(up);
  console.write = emitter.early_write ? serial8250_early_write : serial8250_console_write;
  serial8250_nbcon_setup(console, up);
  up.cons = console;
  const boot = register_console(console);
  pr_info('printk: console [ttyS%u] enabled\n', up.line);
  if (boot != null) {
    pr_info('printk: bootconsole [%s%u] disabled\n', str(boot.name), boot.index);
  }
}

/** Says what there is. */
function report_port(up: uart_8250_port): void {
  snprintf(device_name, DEVICE_NAME_MAX, '%x.serial', up.membase);
  dev_info_init(device_info, 'platform', device_name);
  dev_printk_emit(
    LOGLEVEL_INFO,
    device_info,
    '%S: ttyS%u at MMIO 0x%x (irq = %u, base_baud = %u) is a %s\n',
    device_name,
    up.line,
    up.membase,
    up.irq,
    up.uartclk / 16,
    str(serial8250_type_name(up.type)),
  );
}

/** The driver proper: all ports, their ttys, and the consoles among them. Boot CPU. */
export function serial8250_init(): void {
  if (param_is('sysrq.under_port_lock', '1')) WRITE_ONCE(uart_sysrq_under_lock, 1);
  for (let n: u32 = 0; n < serial8250_ports(); n++) {
    let up = serial8250_port_at(n);
    if (up != early_port()) {
      up = init_port(n, memblock_alloc(STASH_BYTES, 8));
      autoconfig(up);
      const option = console_option(n);
      if (option != null && up.type != PORT_UNKNOWN) uart_set_options(up, option);
    }
    if (up.type == PORT_UNKNOWN) {
      pr_warn('%x.serial: no UART at MMIO 0x%x\n', up.membase, up.membase);
      continue;
    }
    report_port(up);
    const tty = uart_add_one_port(up);
    store<usize>(ttys + ((<usize>n) << 2), changetype<usize>(tty));
  }
  console_options_report();
  // In the order of the command line, so that the last one is /dev/console.
  for (let i: u32 = 0; i < CONSOLE_OPTIONS_MAX; i++) {
    const option = console_options(i);
    if (option == null) break;
    const up = serial8250_port_at(option.index);
    if (up.type != PORT_UNKNOWN && up.cons == null) {
      register_port_console(up, option);
    }
  }
}

/** Waits until everything has left the shift registers of the consoles. Before power-off. */
export function uart_drain(): void {
  for (let n: u32 = 0; n < serial8250_ports(); n++) {
    const up = serial8250_port_at(n);
    if (up.membase != 0 && up.type != PORT_UNKNOWN) serial8250_drain(up);
  }
}

/** What the hardware makes of a rate, bits per second. */
export function uart_real_baud(up: uart_8250_port, baud: u32): u32 {
  return up.uartclk / (16 * uart_get_divisor(up, baud));
}
