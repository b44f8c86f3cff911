// Terminal settings: struct ktermios and the flags, with the numbers of Linux's generic ABI.
// Speeds are plain numbers (no Bxxx codes). Leaves out: upper-case mapping, delays, job control.

/** BREAK is ignored / interrupts / arrives as a NUL. */
export const IGNBRK: u32 = 0x0001;
export const BRKINT: u32 = 0x0002;
/** Characters with errors are dropped / marked by 0xff 0x00. */
export const IGNPAR: u32 = 0x0004;
export const PARMRK: u32 = 0x0008;
/** Check parity. */
export const INPCK: u32 = 0x0010;
export const ISTRIP: u32 = 0x0020;
export const INLCR: u32 = 0x0040;
export const IGNCR: u32 = 0x0080;
export const ICRNL: u32 = 0x0100;
/** ^S and ^Q stop and start our output; any key starts it again. */
export const IXON: u32 = 0x0400;
export const IXANY: u32 = 0x0800;
/** We send ^S and ^Q. */
export const IXOFF: u32 = 0x1000;
export const IMAXBEL: u32 = 0x2000;

export const OPOST: u32 = 0x0001;
export const ONLCR: u32 = 0x0004;
export const OCRNL: u32 = 0x0008;
export const ONOCR: u32 = 0x0010;
export const ONLRET: u32 = 0x0020;
/** Tabs become spaces. */
export const XTABS: u32 = 0x1800;

export const CSIZE: u32 = 0x0030;
export const CS5: u32 = 0x0000;
export const CS6: u32 = 0x0010;
export const CS7: u32 = 0x0020;
export const CS8: u32 = 0x0030;
export const CSTOPB: u32 = 0x0040;
export const CREAD: u32 = 0x0080;
export const PARENB: u32 = 0x0100;
export const PARODD: u32 = 0x0200;
/** The last close drops DTR and RTS. */
export const HUPCL: u32 = 0x0400;
/** Carrier does not matter. */
export const CLOCAL: u32 = 0x0800;
/** Mark (with PARODD) or space parity. */
export const CMSPAR: u32 = 0x40000000;
/** RTS/CTS flow control. */
export const CRTSCTS: u32 = 0x80000000;

export const ISIG: u32 = 0x0001;
/** Lines, with erase and kill. */
export const ICANON: u32 = 0x0002;
export const ECHO: u32 = 0x0008;
export const ECHOE: u32 = 0x0010;
export const ECHOK: u32 = 0x0020;
export const ECHONL: u32 = 0x0040;
export const NOFLSH: u32 = 0x0080;
/** Control characters are echoed as ^X. */
export const ECHOCTL: u32 = 0x0200;
export const ECHOKE: u32 = 0x0800;
export const IEXTEN: u32 = 0x8000;

@unmanaged
export class ktermios {
  c_iflag: u32;
  c_oflag: u32;
  c_cflag: u32;
  c_lflag: u32;
  /** Bits per second; 0 hangs up. */
  c_speed: u32;
  // Control characters; 0 is none.
  vintr: u32;
  vquit: u32;
  verase: u32;
  vkill: u32;
  veof: u32;
  vstart: u32;
  vstop: u32;
  vreprint: u32;
  vwerase: u32;
  vlnext: u32;
  veol: u32;
  /** Raw mode: bytes that a read waits for. */
  vmin: u32;
}

/** What a terminal is like before anybody has changed it. */
export function tty_std_termios(t: ktermios): void {
  t.c_iflag = ICRNL | IXON;
  t.c_oflag = OPOST | ONLCR;
  t.c_cflag = CS8 | CREAD | HUPCL | CLOCAL;
  t.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
  t.c_speed = 9600;
  tty_std_cc(t);
}

export function tty_std_cc(t: ktermios): void {
  t.vintr = 0x03; // ^C
  t.vquit = 0x1c; // ^\
  t.verase = 0x7f;
  t.vkill = 0x15; // ^U
  t.veof = 0x04; // ^D
  t.vstart = 0x11; // ^Q
  t.vstop = 0x13; // ^S
  t.vreprint = 0x12; // ^R
  t.vwerase = 0x17; // ^W
  t.vlnext = 0x16; // ^V
  t.veol = 0;
  t.vmin = 1;
}

export function copy_termios(to: ktermios, from: ktermios): void {
  memory.copy(changetype<usize>(to), changetype<usize>(from), offsetof<ktermios>());
}
