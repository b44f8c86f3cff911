// C twin of firmware/bench/bench.ts: the same algorithms on the same data, one function each, to
// count what gcc -O2 makes of them. Freestanding; called by bench/code-quality.ts, never booted.

typedef unsigned char u8;
typedef unsigned int u32;

enum { SIEVE_SIZE = 8192, MATRIX = 32, SORT_SIZE = 2048 };

struct workspace {
  u8 flags[SIEVE_SIZE];
  u32 table[256];
  u32 a[MATRIX * MATRIX], b[MATRIX * MATRIX], c[MATRIX * MATRIX];
  int numbers[SORT_SIZE];
};

// Kept apart, so that each can be called and counted on its own.
#define BENCH __attribute__((noinline))

BENCH u32 bench_sieve(struct workspace *w) {
  u32 count = 0;
  for (u32 i = 0; i < SIEVE_SIZE; i++) w->flags[i] = 1;
  for (u32 i = 2; i < SIEVE_SIZE; i++) {
    if (w->flags[i]) {
      count++;
      for (u32 k = i + i; k < SIEVE_SIZE; k += i) w->flags[k] = 0;
    }
  }
  return count;
}

BENCH u32 bench_crc(struct workspace *w) {
  for (u32 i = 0; i < 256; i++) {
    u32 c = i;
    for (int k = 0; k < 8; k++) c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
    w->table[i] = c;
  }
  u32 r = ~0u;
  for (u32 i = 0; i < SIEVE_SIZE; i++) r = w->table[(r ^ w->flags[i]) & 255] ^ (r >> 8);
  return ~r;
}

BENCH u32 bench_matrix(struct workspace *w) {
  for (u32 i = 0; i < MATRIX * MATRIX; i++) {
    w->a[i] = i * 3;
    w->b[i] = i ^ 7;
  }
  for (u32 i = 0; i < MATRIX; i++) {
    for (u32 j = 0; j < MATRIX; j++) {
      u32 s = 0;
      for (u32 k = 0; k < MATRIX; k++) s += w->a[i * MATRIX + k] * w->b[k * MATRIX + j];
      w->c[i * MATRIX + j] = s;
    }
  }
  return w->c[77];
}

static void quicksort(int *numbers, int lo, int hi) {
  while (lo < hi) {
    int pivot = numbers[(lo + hi) >> 1], i = lo, j = hi;
    while (i <= j) {
      while (numbers[i] < pivot) i++;
      while (numbers[j] > pivot) j--;
      if (i <= j) {
        int t = numbers[i];
        numbers[i] = numbers[j];
        numbers[j] = t;
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

BENCH u32 bench_sort(struct workspace *w) {
  u32 s = 12345;
  for (u32 i = 0; i < SORT_SIZE; i++) {
    s = s * 1103515245u + 12345;
    w->numbers[i] = s >> 3;
  }
  quicksort(w->numbers, 0, SORT_SIZE - 1);
  return w->numbers[1000];
}

BENCH u32 bench_run(struct workspace *w, u32 n) {
  u32 sum = 0;
  for (; n > 0; n--) sum += bench_sieve(w) + bench_crc(w) + bench_matrix(w) + bench_sort(w);
  return sum;
}
