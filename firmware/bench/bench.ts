// The benchmark guest: four small integer workloads, the same as bench/guest.c in C, so that both can
// be compared. Each works in memory of its own (a workspace per hart) and returns a checksum.

const SIEVE_SIZE: u32 = 8192;
const CRC_POLYNOMIAL: u32 = 0xedb88320;
const MATRIX: u32 = 32;
const SORT_SIZE: u32 = 2048;

// A workspace: the sieve's flags, the CRC table, three matrices, the numbers to sort.
const FLAGS: usize = 0;
const TABLE: usize = 8192;
const A: usize = TABLE + 1024;
const B: usize = A + 4096;
const C: usize = B + 4096;
const NUMBERS: usize = C + 4096;
export const WORKSPACE_SIZE: usize = NUMBERS + 8192;

/** Sieve of Eratosthenes. Returns the number of primes below SIEVE_SIZE. */
export function bench_sieve(work: usize): u32 {
  const flags = work + FLAGS;
  let count: u32 = 0;
  for (let i: u32 = 0; i < SIEVE_SIZE; i++) store<u8>(flags + i, 1);
  for (let i: u32 = 2; i < SIEVE_SIZE; i++) {
    if (load<u8>(flags + i) != 0) {
      count++;
      for (let k = i + i; k < SIEVE_SIZE; k += i) store<u8>(flags + k, 0);
    }
  }
  return count;
}

/** CRC-32 of the sieve's flags, table-driven; makes the table first. */
export function bench_crc(work: usize): u32 {
  const flags = work + FLAGS;
  const table = work + TABLE;
  for (let i: u32 = 0; i < 256; i++) {
    let c = i;
    for (let k = 0; k < 8; k++) c = c & 1 ? CRC_POLYNOMIAL ^ (c >> 1) : c >> 1;
    store<u32>(table + (i << 2), c);
  }
  let r: u32 = 0xffffffff;
  for (let i: u32 = 0; i < SIEVE_SIZE; i++) {
    r = load<u32>(table + (((r ^ (<u32>load<u8>(flags + i))) & 255) << 2)) ^ (r >> 8);
  }
  return ~r;
}

/** Product of two integer matrices. Returns one element of it. */
export function bench_matrix(work: usize): u32 {
  const a = work + A;
  const b = work + B;
  const c = work + C;
  for (let i: u32 = 0; i < MATRIX * MATRIX; i++) {
    store<u32>(a + (i << 2), i * 3);
    store<u32>(b + (i << 2), i ^ 7);
  }
  for (let i: u32 = 0; i < MATRIX; i++) {
    for (let j: u32 = 0; j < MATRIX; j++) {
      let s: u32 = 0;
      for (let k: u32 = 0; k < MATRIX; k++) {
        s += load<u32>(a + ((i * MATRIX + k) << 2)) * load<u32>(b + ((k * MATRIX + j) << 2));
      }
      store<u32>(c + ((i * MATRIX + j) << 2), s);
    }
  }
  return load<u32>(c + (77 << 2));
}

/** Quicksort of words lo..hi (signed), recursing into the smaller part only. */
function quicksort(numbers: usize, lo: i32, hi: i32): void {
  while (lo < hi) {
    const pivot = load<i32>(numbers + (((lo + hi) >> 1) << 2));
    let i = lo;
    let j = hi;
    while (i <= j) {
      while (load<i32>(numbers + (i << 2)) < pivot) i++;
      while (load<i32>(numbers + (j << 2)) > pivot) j--;
      if (i <= j) {
        const t = load<i32>(numbers + (i << 2));
        store<i32>(numbers + (i << 2), load<i32>(numbers + (j << 2)));
        store<i32>(numbers + (j << 2), t);
        i++;
        j--;
      }
    }
    if (j - lo < hi - i) {
      quicksort(numbers, lo, j);
      lo = i;
    } else {
      quicksort(numbers, i, hi);
      hi = j;
    }
  }
}

/** Sorts pseudo-random numbers. Returns one of them. */
export function bench_sort(work: usize): u32 {
  const numbers = work + NUMBERS;
  let s: u32 = 12345;
  for (let i: u32 = 0; i < SORT_SIZE; i++) {
    s = s * 1103515245 + 12345;
    store<u32>(numbers + (i << 2), s >> 3);
  }
  quicksort(numbers, 0, SORT_SIZE - 1);
  return load<u32>(numbers + (1000 << 2));
}

/** All four, n times. Returns the sum of their checksums. */
export function bench_run(work: usize, n: u32): u32 {
  let sum: u32 = 0;
  for (; n > 0; n--)
    sum += bench_sieve(work) + bench_crc(work) + bench_matrix(work) + bench_sort(work);
  return sum;
}
