// n_tty, the short way in: characters that mean nothing special with the settings as they are go into
// the read buffer just so, where receive_char() of n_tty.ts would ask twenty questions about each.

import { smp_store_release } from '../arch/atomic';
import { N_TTY_BUF_SIZE, n_tty_data, n_tty_head } from './n_tty';
import { ECHO, ICANON, ICRNL, IGNCR, ISIG, ISTRIP, IXANY, IXON, PARMRK } from './termios';
import { TTY_NORMAL } from './tty_buffer';
import { tty_struct } from './tty_io';

function mark_special(map: usize, c: u32): void {
  const word = map + ((c >> 5) << 2);
  store<u32>(word, load<u32>(word) | (1 << (c & 31)));
}

/** Which characters receive_char() does something about with the settings as they are. */
export function update_char_map(tty: tty_struct): void {
  const t = tty.termios;
  const map = tty.disc_data.char_map;
  memory.fill(map, 0, 32);
  mark_special(map, 0x0a);
  if (t.c_iflag & (ICRNL | IGNCR)) mark_special(map, 0x0d);
  if (t.c_iflag & PARMRK) mark_special(map, 0xff);
  if (t.c_iflag & IXON) {
    mark_special(map, t.vstart);
    mark_special(map, t.vstop);
  }
  if (t.c_lflag & ISIG) {
    mark_special(map, t.vintr);
    mark_special(map, t.vquit);
  }
  if (!(t.c_lflag & ICANON)) return;
  mark_special(map, t.verase);
  mark_special(map, t.vkill);
  mark_special(map, t.veof);
  mark_special(map, t.veol);
  mark_special(map, t.vwerase);
  mark_special(map, t.vlnext);
  mark_special(map, t.vreprint);
}

/** Can characters that are not in the map go into the buffer just so? */
export function takes_plain(tty: tty_struct): bool {
  const t = tty.termios;
  if (t.c_lflag & ECHO || t.c_iflag & ISTRIP || tty.disc_data.lnext) return false;
  return !(tty.flow_stopped && t.c_iflag & IXANY);
}

/** Takes characters as long as they are good and plain; returns how many. There is room for them. */
export function receive_plain(ldata: n_tty_data, cp: usize, fp: usize, count: u32): u32 {
  const map = ldata.char_map;
  const head = ldata.read_head;
  let n: u32 = 0;
  for (; n < count; n++) {
    const c: u32 = load<u8>(cp + n);
    if (load<u8>(fp + n) != TTY_NORMAL) break;
    if ((load<u32>(map + ((c >> 5) << 2)) >> (c & 31)) & 1) break;
    const at = ldata.read_buf + ((head + n) & (N_TTY_BUF_SIZE - 1));
    store<u8>(at, c);
    store<u8>(at + N_TTY_BUF_SIZE, 0);
  }
  smp_store_release(n_tty_head(ldata), head + n);
  return n;
}
