// A guest for `printkit explore --locks`: two harts move things between two shelves, each under its own
// lock, and count what they have moved under a semaphore. With -DBUG=1 hart 1 takes the locks in the other
// order; with -DBUG=2 the receive interrupt of the UART takes a lock that is held with interrupts on.
//
//   riscv64-unknown-elf-gcc -march=rv32imac_zicsr -mabi=ilp32 -O2 -g -fno-omit-frame-pointer -ffreestanding
//     -fno-toplevel-reorder -nostdlib -Wl,-Ttext=0x80000000 -DBUG=1 -o two-locks.elf two-locks.c

#ifndef BUG
#define BUG 0
#endif

typedef unsigned int u32;

void work(u32 hart);
char stacks[2][1024] __attribute__((aligned(16)));

// The machine starts at 0x80000000: this has to be the first function.
__attribute__((naked)) void _start(void) {
  asm volatile(
      ".option push\n.option norelax\nla gp, __global_pointer$\n.option pop\n"
      "csrr a0, mhartid\n"
      "la sp, stacks + 1024\n"
      "slli t0, a0, 10\n"
      "add sp, sp, t0\n"
      "j work");
}

struct lock {
  volatile u32 taken;
};
struct semaphore {
  struct lock lock;
  volatile u32 count;
};

static struct lock left_lock, right_lock;
static struct semaphore moves_sem = {.count = 1};
static u32 left = 10, right, moves, received;

// What printkit is to find by name has to be there: noinline.
#define KEPT __attribute__((noinline))

KEPT void spin_lock(struct lock *lock) {
  while (__sync_lock_test_and_set(&lock->taken, 1))
    ;
}

KEPT void spin_unlock(struct lock *lock) { __sync_lock_release(&lock->taken); }

KEPT void down(struct semaphore *sem) {
  for (;;) {
    spin_lock(&sem->lock);
    if (sem->count > 0) break;
    spin_unlock(&sem->lock);
    while (sem->count == 0)
      ;
  }
  sem->count--;
  spin_unlock(&sem->lock);
}

KEPT void up(struct semaphore *sem) {
  spin_lock(&sem->lock);
  sem->count++;
  spin_unlock(&sem->lock);
}

static inline void irqs_off(void) { asm volatile("csrci mstatus, 8" ::: "memory"); }
static inline void irqs_on(void) { asm volatile("csrsi mstatus, 8" ::: "memory"); }

/** Where the exploration begins, and where it ends. */
KEPT void begin(void) { asm volatile(""); }
KEPT void finish(void) { asm volatile(""); }

static void move(struct lock *outer, struct lock *inner, int n) {
  if (BUG != 2) irqs_off();
  spin_lock(outer);
  spin_lock(inner);
  left -= n;
  right += n;
  spin_unlock(inner);
  spin_unlock(outer);
  if (BUG != 2) irqs_on();
  down(&moves_sem);
  moves++;
  up(&moves_sem);
}

#define UART ((volatile unsigned char *)0x10000000)
#define PLIC(offset) (*(volatile u32 *)(0x0c000000 + (offset)))
enum { RBR = 0, IER = 1, FCR = 2, LCR = 3, MCR = 4, LSR = 5, UART_IRQ = 10 };

/** A character comes: one more thing on the right shelf. */
__attribute__((interrupt("machine"), aligned(4))) void uart_interrupt(void) {
  u32 source = PLIC(0x200004);
  while (UART[LSR] & 1) {
    received = UART[RBR];
    spin_lock(&right_lock);
    right++;
    spin_unlock(&right_lock);
  }
  PLIC(0x200004) = source;
}

static void uart_init(void) {
  UART[FCR] = 7;
  UART[LCR] = 3;
  UART[MCR] = 0xb;
  UART[IER] = 1;
  PLIC(4 * UART_IRQ) = 1;
  PLIC(0x2000) = 1 << UART_IRQ;
  asm volatile("csrw mtvec, %0\ncsrs mie, %1" ::"r"(uart_interrupt), "r"(0x800));
}

void work(u32 hart) {
  if (hart == 0) uart_init();
  irqs_on();
  begin();
  if (hart == 0 || BUG != 1)
    move(&left_lock, &right_lock, 1);
  else
    move(&right_lock, &left_lock, -2);
  finish();
  for (;;) asm volatile("wfi");
}
