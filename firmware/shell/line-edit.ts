// The line editor: echoes what is typed and edits it. Keys: backspace, ^U (line), ^W (word), ^C (new
// line), ^L (clear screen), ^A ^E and arrows, Home, End, Del, up and down for the history, Tab for
// command names. CR, LF and CRLF all end a line, so it takes input from terminals and from pipes.
// Assumes a terminal that knows \b and the ANSI sequence ESC [ K; lines do not wrap.

import { literal_at, literal_length, str } from '../lib/string';
import { TTY_REOPENED, tty_getc, tty_printf, tty_read, tty_write } from '../tty/tty';
import { command_at, command_count } from './commands';
import { LINE_MAX, history_get } from './history';

// Keys that arrive as escape sequences.
const KEY_NONE: u32 = 0;
const KEY_UP: u32 = 0x100;
const KEY_DOWN: u32 = 0x101;
const KEY_RIGHT: u32 = 0x102;
const KEY_LEFT: u32 = 0x103;
const KEY_HOME: u32 = 0x104;
const KEY_END: u32 = 0x105;
const KEY_DELETE: u32 = 0x106;

const ESC: u32 = 0x1b;

/** The line being edited. One shell, so one of it. */
@unmanaged
class Editor {
  length: u32;
  cursor: u32;
  /** Lines back in the history; 0: the line being typed. */
  back: u32;
  /** The last byte was CR: an LF right after it belongs to it. */
  after_cr: u32;
}
const editor: Editor = changetype<Editor>(memory.data(offsetof<Editor>(), 4));
const line: usize = memory.data(256, 4);
const echo: usize = memory.data(4, 4);

function put(c: u32): void {
  store<u8>(echo, c);
  tty_write(echo, 1);
}

function backspaces(n: u32): void {
  for (; n > 0; n--) put(8);
}

/** Shows the line from the cursor on, and puts the terminal's cursor back. */
function redraw_tail(): void {
  const tail = editor.length - editor.cursor;
  tty_write(line + editor.cursor, tail);
  tty_printf('\x1b[K');
  backspaces(tail);
}

function insert(c: u32): void {
  if (editor.length + 1 >= LINE_MAX) return;
  memory.copy(line + editor.cursor + 1, line + editor.cursor, editor.length - editor.cursor);
  store<u8>(line + editor.cursor, c);
  editor.length++;
  editor.cursor++;
  put(c);
  if (editor.cursor < editor.length) redraw_tail();
}

/** Removes n characters before the cursor. */
function erase(n: u32): void {
  if (n == 0) return;
  const to = editor.cursor - n;
  memory.copy(line + to, line + editor.cursor, editor.length - editor.cursor);
  editor.length -= n;
  editor.cursor = to;
  if (to == editor.length) {
    for (; n > 0; n--) tty_printf('\b \b');
  } else {
    backspaces(n);
    redraw_tail();
  }
}

/** Characters from the cursor back to the start of the word. */
function word_before(): u32 {
  let at = editor.cursor;
  while (at > 0 && load<u8>(line + at - 1) == 0x20) at--;
  while (at > 0 && load<u8>(line + at - 1) != 0x20) at--;
  return editor.cursor - at;
}

function move_to(cursor: u32): void {
  if (cursor < editor.cursor) backspaces(editor.cursor - cursor);
  else tty_write(line + editor.cursor, cursor - editor.cursor);
  editor.cursor = cursor;
}

function replace_line(with_line: usize): void {
  move_to(editor.length);
  erase(editor.length);
  for (let p = with_line; p != 0 && load<u8>(p) != 0; p++) insert(load<u8>(p));
}

function history_move(back: u32): void {
  const entry = history_get(back);
  if (back != 0 && entry == 0) return;
  editor.back = back;
  replace_line(entry);
}

/** Does the command's name begin with the first n characters of the line? */
function matches(name: string, n: u32): bool {
  if (literal_length(name) < n) return false;
  for (let i: u32 = 0; i < n; i++) {
    if (<u32>load<u8>(line + i) != literal_at(name, i)) return false;
  }
  return true;
}

/** Tab: completes the command's name as far as it is unambiguous; lists the choices if it is not. */
function complete(prompt: string): void {
  const n = editor.cursor;
  for (let i: u32 = 0; i < n; i++) if (load<u8>(line + i) == 0x20) return;
  let found: u32 = 0;
  let common: u32 = 0;
  let first: string = '';
  for (let i: u32 = 0; i < command_count(); i++) {
    const name = command_at(i).name;
    if (!matches(name, n)) continue;
    if (found++ == 0) {
      first = name;
      common = literal_length(name);
    } else {
      let k = n;
      while (k < common && k < literal_length(name) && literal_at(name, k) == literal_at(first, k))
        k++;
      common = k;
    }
  }
  if (found == 0) return;
  for (let i = n; i < common; i++) insert(literal_at(first, i));
  if (found == 1) {
    insert(0x20);
  } else if (common == n) {
    tty_printf('\n');
    for (let i: u32 = 0; i < command_count(); i++) {
      if (matches(command_at(i).name, n)) tty_printf('%s  ', str(command_at(i).name));
    }
    tty_printf('\n%s', str(prompt));
    const cursor = editor.cursor;
    editor.cursor = 0;
    move_to(editor.length);
    move_to(cursor);
  }
}

/** Reads the rest of an escape sequence: ESC [ x, ESC O x or ESC [ n ~. */
function read_escape(): u32 {
  let c = tty_getc();
  if (c != 0x5b && c != 0x4f) return KEY_NONE;
  let n: u32 = 0;
  for (;;) {
    c = tty_getc();
    if (c - 0x30 < 10) n = n * 10 + (c - 0x30);
    else if (c != 0x3b) break;
  }
  switch (c) {
    case 0x41: // A
      return KEY_UP;
    case 0x42: // B
      return KEY_DOWN;
    case 0x43: // C
      return KEY_RIGHT;
    case 0x44: // D
      return KEY_LEFT;
    case 0x48: // H
      return KEY_HOME;
    case 0x46: // F
      return KEY_END;
    case 0x7e: // ~
      return n == 3
        ? KEY_DELETE
        : n == 1 || n == 7
          ? KEY_HOME
          : n == 4 || n == 8
            ? KEY_END
            : KEY_NONE;
    default:
      return KEY_NONE;
  }
}

/** Handles a key. True if it ends the line. */
function handle_key(key: u32, prompt: string): bool {
  switch (key) {
    case 0x0d: // CR
    case 0x0a: // LF
      move_to(editor.length);
      tty_printf('\n');
      return true;
    case 0x03: // ^C
      tty_printf('^C\n');
      editor.length = 0;
      return true;
    case 0x08: // ^H
    case 0x7f: // DEL
      if (editor.cursor > 0) erase(1);
      break;
    case 0x15: // ^U
      erase(editor.cursor);
      break;
    case 0x17: // ^W
      erase(word_before());
      break;
    case 0x0c: // ^L
      tty_printf('\x1b[H\x1b[2J%s', str(prompt));
      tty_write(line, editor.length);
      backspaces(editor.length - editor.cursor);
      break;
    case 0x09: // Tab
      complete(prompt);
      break;
    case 0x01: // ^A
    case KEY_HOME:
      move_to(0);
      break;
    case 0x05: // ^E
    case KEY_END:
      move_to(editor.length);
      break;
    case KEY_LEFT:
      if (editor.cursor > 0) move_to(editor.cursor - 1);
      break;
    case KEY_RIGHT:
      if (editor.cursor < editor.length) move_to(editor.cursor + 1);
      break;
    case KEY_DELETE:
      if (editor.cursor < editor.length) {
        move_to(editor.cursor + 1);
        erase(1);
      }
      break;
    case KEY_UP:
      history_move(editor.back + 1);
      break;
    case KEY_DOWN:
      if (editor.back > 0) history_move(editor.back - 1);
      break;
    default:
      if (key >= 0x20 && key < 0x100) insert(key);
  }
  return false;
}

/** Reads a line, NUL-terminated and without its end; valid until the next call. Task context. */
export function read_line(prompt: string): usize {
  editor.length = 0;
  editor.cursor = 0;
  editor.back = 0;
  tty_printf('%s', str(prompt));
  for (;;) {
    let key = tty_getc();
    if (key == TTY_REOPENED) {
      // The line was hung up: whoever is there now starts afresh.
      editor.length = 0;
      editor.cursor = 0;
      tty_printf('%s', str(prompt));
      continue;
    }
    if (key == 0x0a && editor.after_cr) {
      editor.after_cr = 0;
      continue;
    }
    editor.after_cr = key == 0x0d ? 1 : 0;
    if (key == ESC) key = read_escape();
    if (handle_key(key, prompt)) break;
  }
  store<u8>(line + editor.length, 0);
  return line;
}

/** Reads a line that the tty edits and echoes (stty icanon). Sleeps. */
export function read_cooked_line(prompt: string): usize {
  tty_printf('%s', str(prompt));
  const n = tty_read(line, LINE_MAX - 1);
  if (n <= 0) {
    // ^C, or hung up: tty_getc() knows what to do about the latter.
    store<u8>(line, 0);
    if (n == 0) tty_getc();
    return line;
  }
  const end = <u32>n;
  store<u8>(line + (load<u8>(line + end - 1) == 0x0a ? end - 1 : end), 0);
  return line;
}
