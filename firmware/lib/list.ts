// Doubly linked lists with Linux's names. A list_head is two words, { next, prev }, inside whatever
// is on the list; lists and entries are passed as the address of those words.

/** Bytes of a list_head. */
export const LIST_HEAD_SIZE: usize = 8;

export function INIT_LIST_HEAD(head: usize): void {
  store<usize>(head, head);
  store<usize>(head, head, 4);
}

export function list_next(entry: usize): usize {
  return load<usize>(entry);
}

export function list_prev(entry: usize): usize {
  return load<usize>(entry, 4);
}

export function list_empty(head: usize): bool {
  return load<usize>(head) == head;
}

function insert(entry: usize, prev: usize, next: usize): void {
  store<usize>(next, entry, 4);
  store<usize>(entry, next);
  store<usize>(entry, prev, 4);
  store<usize>(prev, entry);
}

/** Puts an entry first. */
export function list_add(entry: usize, head: usize): void {
  insert(entry, head, load<usize>(head));
}

/** Puts an entry last, or before another one. */
export function list_add_tail(entry: usize, head: usize): void {
  insert(entry, load<usize>(head, 4), head);
}

/** Takes an entry out; it is then a list of its own. */
export function list_del_init(entry: usize): void {
  const next = load<usize>(entry);
  const prev = load<usize>(entry, 4);
  store<usize>(prev, next);
  store<usize>(next, prev, 4);
  INIT_LIST_HEAD(entry);
}
