// What generated code calls: memory fill and copy, 64-bit division. In the project's assembly, with
// libgcc's and libc's names and calling convention; frames as compiled code has them where a call is
// made. Division by zero and an overflowing quotient trap with ebreak, as in wasm.

export const RUNTIME_FILE = 'runtime.S';

export const RUNTIME = `
        .text
# void memset(a0 = destination, a1 = byte, a2 = count)
        .globl memset
        .type memset, @function
memset:
        add     a4, a0, a2
        li      t0, 16
        bltu    a2, t0, 3f
        andi    a1, a1, 255
        slli    t0, a1, 8
        or      t0, t0, a1
        slli    t1, t0, 16
        or      t0, t0, t1
        j       2f
1:      sb      t0, 0(a0)
        addi    a0, a0, 1
2:      andi    t1, a0, 3
        bnez    t1, 1b
        andi    t2, a4, -4
1:      sw      t0, 0(a0)
        addi    a0, a0, 4
        bltu    a0, t2, 1b
        j       3f
1:      sb      a1, 0(a0)
        addi    a0, a0, 1
3:      bltu    a0, a4, 1b
        ret
        .size memset, . - memset

# void memmove(a0 = destination, a1 = source, a2 = count); they may overlap
        .globl memmove
        .type memmove, @function
memmove:
        sub     t0, a0, a1
        bltu    t0, a2, 5f
        add     a4, a0, a2
        or      t0, a0, a1
        andi    t0, t0, 3
        bnez    t0, 4f
        andi    t2, a4, -4
        j       2f
1:      lw      t0, 0(a1)
        addi    a1, a1, 4
        sw      t0, 0(a0)
        addi    a0, a0, 4
2:      bltu    a0, t2, 1b
        j       4f
3:      lbu     t0, 0(a1)
        addi    a1, a1, 1
        sb      t0, 0(a0)
        addi    a0, a0, 1
4:      bltu    a0, a4, 3b
        ret
# The destination starts inside the source: from the end.
5:      add     a4, a0, a2
        add     a1, a1, a2
        or      t0, a4, a1
        andi    t0, t0, 3
        bnez    t0, 8f
        addi    t2, a0, 3
        j       6f
7:      addi    a1, a1, -4
        lw      t0, 0(a1)
        addi    a4, a4, -4
        sw      t0, 0(a4)
6:      bltu    t2, a4, 7b
        j       8f
9:      addi    a1, a1, -1
        lbu     t0, 0(a1)
        addi    a4, a4, -1
        sb      t0, 0(a4)
8:      bltu    a0, a4, 9b
        ret
        .size memmove, . - memmove

# a1:a0 ÷ a3:a2, unsigned: quotient in a1:a0, remainder in a3:a2
        .type __udivmod64, @function
__udivmod64:
        bnez    a3, 5f
        bnez    a2, 1f
        ebreak
1:      bnez    a1, 2f
        divu    t0, a0, a2
        remu    a2, a0, a2
        mv      a0, t0
        ret
# A 32-bit divisor: high word first, then its remainder and the low word.
2:      divu    t1, a1, a2
        remu    t2, a1, a2
        mv      a1, t1
        srli    t3, a2, 16
        bnez    t3, 3f
# 16-bit digits
        slli    t2, t2, 16
        srli    t3, a0, 16
        or      t2, t2, t3
        divu    t4, t2, a2
        remu    t2, t2, a2
        slli    t2, t2, 16
        slli    a0, a0, 16
        srli    a0, a0, 16
        or      t2, t2, a0
        divu    t5, t2, a2
        remu    a2, t2, a2
        slli    t4, t4, 16
        or      a0, t4, t5
        ret
# Two 16-bit digits (Knuth, TAOCP 2, 4.3.1, algorithm D): a4 = shift that sets the divisor's top bit
3:      li      a4, 0
        mv      a5, a2
        srli    t3, a5, 24
        bnez    t3, 1f
        slli    a5, a5, 8
        li      a4, 8
1:      srli    t3, a5, 28
        bnez    t3, 1f
        slli    a5, a5, 4
        addi    a4, a4, 4
1:      srli    t3, a5, 30
        bnez    t3, 1f
        slli    a5, a5, 2
        addi    a4, a4, 2
1:      bltz    a5, 1f
        slli    a5, a5, 1
        addi    a4, a4, 1
1:      srli    t3, a0, 1
        not     t4, a4
        srl     t3, t3, t4
        sll     t2, t2, a4
        or      t2, t2, t3
        sll     a0, a0, a4
        srli    a6, a5, 16
        slli    a7, a5, 16
        srli    a7, a7, 16
        srli    t3, a0, 16
        jal     t0, 1f
        slli    t1, t4, 16
        slli    t3, a0, 16
        srli    t3, t3, 16
        jal     t0, 1f
        or      a0, t1, t4
        srl     a2, t2, a4
        li      a3, 0
        ret
# One digit: t4 = t2:t3 / a5, t2 = the remainder; a6 and a7 are a5's halves. Returns by t0.
1:      divu    t4, t2, a6
        remu    t5, t2, a6
2:      srli    t6, t4, 16
        bnez    t6, 3f
        mul     t6, t4, a7
        slli    a3, t5, 16
        or      a3, a3, t3
        bgeu    a3, t6, 4f
3:      addi    t4, t4, -1
        add     t5, t5, a6
        srli    t6, t5, 16
        beqz    t6, 2b
4:      slli    t2, t2, 16
        or      t2, t2, t3
        mul     t6, t4, a5
        sub     t2, t2, t6
        jr      t0
# A 64-bit divisor: the quotient has 32 bits. t2:a1 is the remainder.
5:      li      t2, 0
        li      t0, 32
4:      sltz    t3, t2
        slli    t2, t2, 1
        srli    t4, a1, 31
        or      t2, t2, t4
        slli    a1, a1, 1
        srli    t4, a0, 31
        or      a1, a1, t4
        slli    a0, a0, 1
        bnez    t3, 6f
        bltu    t2, a3, 7f
        bne     t2, a3, 6f
        bltu    a1, a2, 7f
6:      sltu    t4, a1, a2
        sub     a1, a1, a2
        sub     t2, t2, a3
        sub     t2, t2, t4
        addi    a0, a0, 1
7:      addi    t0, t0, -1
        bnez    t0, 4b
        mv      a2, a1
        mv      a3, t2
        li      a1, 0
        ret
        .size __udivmod64, . - __udivmod64

        .globl __udivdi3
        .type __udivdi3, @function
__udivdi3:
        j       __udivmod64
        .size __udivdi3, . - __udivdi3

        .globl __umoddi3
        .type __umoddi3, @function
__umoddi3:
        addi    sp, sp, -16
        sw      ra, 12(sp)
        sw      s0, 8(sp)
        addi    s0, sp, 16
        call    __udivmod64
        mv      a0, a2
        mv      a1, a3
        lw      ra, 12(sp)
        lw      s0, 8(sp)
        addi    sp, sp, 16
        ret
        .size __umoddi3, . - __umoddi3

# Makes both operands positive.
        .type __abs64_both, @function
__abs64_both:
        bgez    a1, 1f
        snez    t2, a0
        neg     a0, a0
        neg     a1, a1
        sub     a1, a1, t2
1:      bgez    a3, 1f
        snez    t2, a2
        neg     a2, a2
        neg     a3, a3
        sub     a3, a3, t2
1:      jr      t0
        .size __abs64_both, . - __abs64_both

        .globl __divdi3
        .type __divdi3, @function
__divdi3:
        addi    sp, sp, -16
        sw      ra, 12(sp)
        sw      s0, 8(sp)
        addi    s0, sp, 16
        xor     t0, a1, a3
        sw      t0, 4(sp)
        jal     t0, __abs64_both
        call    __udivmod64
        lw      t0, 4(sp)
        bltz    t0, 1f
        bgez    a1, 2f
        ebreak                          # 2^63: -2^63 / -1
1:      snez    t0, a0
        neg     a0, a0
        neg     a1, a1
        sub     a1, a1, t0
2:      lw      ra, 12(sp)
        lw      s0, 8(sp)
        addi    sp, sp, 16
        ret
        .size __divdi3, . - __divdi3

        .globl __moddi3
        .type __moddi3, @function
__moddi3:
        addi    sp, sp, -16
        sw      ra, 12(sp)
        sw      s0, 8(sp)
        addi    s0, sp, 16
        sw      a1, 4(sp)
        jal     t0, __abs64_both
        call    __udivmod64
        lw      t0, 4(sp)
        bgez    t0, 1f
        snez    t0, a2
        neg     a2, a2
        neg     a3, a3
        sub     a3, a3, t0
1:      mv      a0, a2
        mv      a1, a3
        lw      ra, 12(sp)
        lw      s0, 8(sp)
        addi    sp, sp, 16
        ret
        .size __moddi3, . - __moddi3
`;
