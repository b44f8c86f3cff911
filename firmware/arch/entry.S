# Where every hart starts, and the way in and out of traps and NMIs. RISC-V privileged specification,
# machine mode ("Machine-Level ISA"); NMIs as in Smrnmi. Leaves out: S- and U-mode, the FPU.
#
# Registers with a fixed meaning everywhere in this kernel:
#   tp  this hart's per-CPU area (struct Cpu in arch/percpu.ts)
#   gp  lowest address that sp may have on the stack in use. A trap that finds sp below it, or would
#       push it below, goes to the overflow stack. (Compiled code may check it as well.)
#   s0  frame pointer: -4(s0) holds the return address, -8(s0) the caller's s0.

        # Must match arch/percpu.ts.
        .equ NR_CPUS, 32
        .equ PERCPU_SHIFT, 9
        .equ CPU_ID, 0
        .equ CPU_STACKS, 4
        .equ CPU_PREEMPT_COUNT, 8
        .equ CPU_NEED_RESCHED, 16

        # struct task_struct (sched/task.ts): saved stack pointer.
        .equ TASK_SP, 20
        # What __switch_to pushes: s0 and ra as a frame record on top, s1..s11, gp.
        .equ SWITCH_SIZE, 64

        # A hart's stacks, lowest first: overflow, NMI, interrupt, a gap, task. Must match
        # arch/stacks.ts.
        .equ OVERFLOW_LIMIT, 0x0000
        .equ OVERFLOW_TOP,   0x1000
        .equ NMI_LIMIT,      0x1000
        .equ NMI_TOP,        0x3000
        .equ IRQ_LIMIT,      0x3000
        .equ IRQ_TOP,        0x5000
        .equ TASK_LIMIT,     0x6000
        .equ TASK_TOP,       0xa000
        .equ STACKS_SIZE,    0xa000

        # struct pt_regs (arch/ptrace.ts). Word n is xn, word 0 is the interrupted pc; the last two
        # words make the frame a link in the chain of frame pointers: s0, then the interrupted pc.
        .equ PT_EPC, 0
        .equ PT_RA, 4
        .equ PT_SP, 8
        .equ PT_GP, 12
        .equ PT_TP, 16
        .equ PT_T0, 20
        .equ PT_S0, 32
        .equ PT_STATUS, 128
        .equ PT_CAUSE, 132
        .equ PT_BADADDR, 136
        .equ PT_FRAME_S0, 152
        .equ PT_FRAME_RA, 156
        .equ PT_SIZE, 160

        .section .text
        .globl _start
# All harts, from reset: a0 = hart id, a1 = device tree. Hart 0 boots, the others wait in
# secondary_park until arch/smp.ts gives them stacks.
_start:
        csrw    mie, zero
        csrw    mip, zero
        la      t0, trap_entry
        csrw    mtvec, t0
        li      t0, NR_CPUS
        bgeu    a0, t0, hart_off
        la      tp, __per_cpu_start
        slli    t0, a0, PERCPU_SHIFT
        add     tp, tp, t0
        bnez    a0, secondary_park

        la      t0, boot_stacks
        sw      zero, CPU_ID(tp)
        sw      t0, CPU_STACKS(tp)
        li      t1, TASK_LIMIT
        add     gp, t0, t1
        li      t1, TASK_TOP
        add     sp, t0, t1
        li      s0, 0
        li      ra, 0
        mv      a0, a1
        call    start_kernel
        j       hart_off

# A hart above NR_CPUS, or one that came back from where nothing should: sleeps for good.
        .globl hart_off
hart_off:
        csrw    mie, zero
1:      wfi
        j       1b

# A secondary hart: sleeps until a software interrupt comes and its per-CPU area names its stacks.
        .globl secondary_park
secondary_park:
        sw      a0, CPU_ID(tp)
        li      t0, 8                   # mie.MSIE: wakes wfi; mstatus.MIE stays 0
        csrw    mie, t0
1:      lw      t0, CPU_STACKS(tp)
        bnez    t0, 2f
        wfi
        j       1b
2:      fence   rw, rw
        csrw    mie, zero
        li      t1, TASK_LIMIT
        add     gp, t0, t1
        li      t1, TASK_TOP
        add     sp, t0, t1
        li      s0, 0
        li      ra, 0
        call    secondary_start_kernel
        j       hart_off

# mtvec points here (direct mode). Everything runs in machine mode, so sp is the interrupted code's.
# Exceptions are handled on the stack where they happen, interrupts on the hart's interrupt stack.
        .balign 4
        .globl trap_entry
trap_entry:
        csrw    mscratch, t0
        addi    t0, sp, -PT_SIZE
        bltu    t0, gp, stack_overflow
        mv      sp, t0
        csrr    t0, mscratch
        sw      t0, PT_T0(sp)
        addi    t0, sp, PT_SIZE
        sw      t0, PT_SP(sp)
        jal     t0, save_registers
        csrr    t0, mepc
        sw      t0, PT_EPC(sp)
        sw      t0, PT_FRAME_RA(sp)
        csrr    t0, mstatus
        sw      t0, PT_STATUS(sp)
        csrr    t1, mcause
        sw      t1, PT_CAUSE(sp)
        csrr    t0, mtval
        sw      t0, PT_BADADDR(sp)
        addi    s0, sp, PT_SIZE
        mv      a0, sp
        bltz    t1, trap_interrupt

        csrr    t0, mhartid             # do not trust tp after an exception
        slli    t0, t0, PERCPU_SHIFT
        la      tp, __per_cpu_start
        add     tp, tp, t0
        call    do_trap_exception
        .globl ret_from_exception
ret_from_exception:
        j       trap_return

trap_interrupt:
        lw      t0, CPU_STACKS(tp)
        li      t1, IRQ_LIMIT
        add     t1, t0, t1
        beq     gp, t1, 1f              # already on the interrupt stack
        mv      gp, t1
        li      t1, IRQ_TOP
        add     sp, t0, t1
1:      call    do_trap_interrupt
        .globl ret_from_interrupt
ret_from_interrupt:
        # Back in a task that may be preempted? Then the scheduler runs on the task's own stack, below
        # the saved registers. What returns from it may be on another hart: tp stays that hart's.
        lw      t0, CPU_PREEMPT_COUNT(tp)
        bnez    t0, trap_return
        lw      t0, CPU_NEED_RESCHED(tp)
        beqz    t0, trap_return
        addi    sp, s0, -PT_SIZE
        lw      gp, PT_GP(sp)
        call    preempt_schedule_irq
        .globl ret_from_preemption
ret_from_preemption:

trap_return:
        addi    sp, s0, -PT_SIZE
        lw      t0, PT_STATUS(sp)
        csrw    mstatus, t0
        lw      t0, PT_EPC(sp)
        addi    t1, sp, PT_EPC
        sc.w    zero, t0, (t1)          # drops a reservation that the handler left behind
        csrw    mepc, t0
        jal     t0, restore_registers
        lw      t0, PT_T0(sp)
        lw      sp, PT_SP(sp)
        mret

# sp is below the stack's limit or a frame would not fit: report from the overflow stack. The
# interrupted t0 is in mscratch. There is no way back.
stack_overflow:
        csrr    tp, mhartid
        slli    tp, tp, PERCPU_SHIFT
        la      t0, __per_cpu_start
        add     tp, tp, t0
        lw      t0, CPU_STACKS(tp)
        addi    t0, t0, 2000
        addi    t0, t0, 2000            # OVERFLOW_TOP less a little: room for PT_SIZE
        addi    t0, t0, -PT_SIZE
        sw      sp, PT_SP(t0)
        mv      sp, t0
        csrr    t0, mscratch
        sw      t0, PT_T0(sp)
        jal     t0, save_registers
        csrr    t0, mepc
        sw      t0, PT_EPC(sp)
        sw      t0, PT_FRAME_RA(sp)
        csrr    t0, mstatus
        sw      t0, PT_STATUS(sp)
        csrr    t0, mcause
        sw      t0, PT_CAUSE(sp)
        csrr    t0, mtval
        sw      t0, PT_BADADDR(sp)
        addi    s0, sp, PT_SIZE
        lw      gp, CPU_STACKS(tp)
        mv      a0, sp
        call    do_stack_overflow
        .globl ret_from_overflow
ret_from_overflow:
        j       hart_off

# A non-maskable interrupt (Smrnmi): mnstatus.NMIE is 0 until mnret, so there is no nesting. It may
# have come anywhere, into the first instructions of trap_entry too. mnscratch holds the address of
# this hart's pt_regs for NMIs, at the top of its NMI stack (arch/nmi.ts).
        .equ MNSCRATCH, 0x740
        .equ MNEPC, 0x741
        .equ MNCAUSE, 0x742
        .equ MNSTATUS, 0x744
        .balign 4
        .globl nmi_entry
nmi_entry:
        csrrw   sp, MNSCRATCH, sp
        sw      t0, PT_T0(sp)
        csrr    t0, MNSCRATCH
        sw      t0, PT_SP(sp)
        csrw    MNSCRATCH, sp
        jal     t0, save_registers
        csrr    t0, MNEPC
        sw      t0, PT_EPC(sp)
        sw      t0, PT_FRAME_RA(sp)
        csrr    t0, MNSTATUS
        sw      t0, PT_STATUS(sp)
        csrr    t0, MNCAUSE
        sw      t0, PT_CAUSE(sp)
        sw      zero, PT_BADADDR(sp)
        addi    s0, sp, PT_SIZE
        csrr    t0, mhartid
        slli    t0, t0, PERCPU_SHIFT
        la      tp, __per_cpu_start
        add     tp, tp, t0
        lw      gp, CPU_STACKS(tp)
        li      t0, NMI_LIMIT
        add     gp, gp, t0
        mv      a0, sp
        call    do_nmi
        .globl ret_from_nmi
ret_from_nmi:
        addi    sp, s0, -PT_SIZE
        lw      t0, PT_EPC(sp)
        csrw    MNEPC, t0
        lw      t0, PT_STATUS(sp)
        csrw    MNSTATUS, t0
        jal     t0, restore_registers
        lw      tp, PT_TP(sp)           # an NMI may come while tp is being set up
        lw      t0, PT_T0(sp)
        lw      sp, PT_SP(sp)
        .word   0x70200073              # mnret

# Saves every register but sp and t0 into the pt_regs at sp, and the frame's link. Returns by t0.
save_registers:
        sw      x1, 4(sp)
        sw      x3, 12(sp)
        sw      x4, 16(sp)
        sw      x6, 24(sp)
        sw      x7, 28(sp)
        sw      x8, 32(sp)
        sw      x9, 36(sp)
        sw      x10, 40(sp)
        sw      x11, 44(sp)
        sw      x12, 48(sp)
        sw      x13, 52(sp)
        sw      x14, 56(sp)
        sw      x15, 60(sp)
        sw      x16, 64(sp)
        sw      x17, 68(sp)
        sw      x18, 72(sp)
        sw      x19, 76(sp)
        sw      x20, 80(sp)
        sw      x21, 84(sp)
        sw      x22, 88(sp)
        sw      x23, 92(sp)
        sw      x24, 96(sp)
        sw      x25, 100(sp)
        sw      x26, 104(sp)
        sw      x27, 108(sp)
        sw      x28, 112(sp)
        sw      x29, 116(sp)
        sw      x30, 120(sp)
        sw      x31, 124(sp)
        sw      s0, PT_FRAME_S0(sp)
        jr      t0

# The way back: every register but sp, t0 and tp, which belongs to the hart and not to the task.
# Returns by t0.
restore_registers:
        lw      x1, 4(sp)
        lw      x3, 12(sp)
        lw      x6, 24(sp)
        lw      x7, 28(sp)
        lw      x8, 32(sp)
        lw      x9, 36(sp)
        lw      x10, 40(sp)
        lw      x11, 44(sp)
        lw      x12, 48(sp)
        lw      x13, 52(sp)
        lw      x14, 56(sp)
        lw      x15, 60(sp)
        lw      x16, 64(sp)
        lw      x17, 68(sp)
        lw      x18, 72(sp)
        lw      x19, 76(sp)
        lw      x20, 80(sp)
        lw      x21, 84(sp)
        lw      x22, 88(sp)
        lw      x23, 92(sp)
        lw      x24, 96(sp)
        lw      x25, 100(sp)
        lw      x26, 104(sp)
        lw      x27, 108(sp)
        lw      x28, 112(sp)
        lw      x29, 116(sp)
        lw      x30, 120(sp)
        lw      x31, 124(sp)
        jr      t0

# usize __switch_to(prev, next): from one task's stack to another's. Interrupts off, rq->lock held.
# The return address and s0 make a frame record, so that a sleeping task's stack can be walked.
        .globl __switch_to
__switch_to:
        addi    sp, sp, -SWITCH_SIZE
        sw      ra, 60(sp)
        sw      s0, 56(sp)
        sw      s1, 52(sp)
        sw      s2, 48(sp)
        sw      s3, 44(sp)
        sw      s4, 40(sp)
        sw      s5, 36(sp)
        sw      s6, 32(sp)
        sw      s7, 28(sp)
        sw      s8, 24(sp)
        sw      s9, 20(sp)
        sw      s10, 16(sp)
        sw      s11, 12(sp)
        sw      gp, 8(sp)
        sw      sp, TASK_SP(a0)
        lw      sp, TASK_SP(a1)
        lw      ra, 60(sp)
        lw      s0, 56(sp)
        lw      s1, 52(sp)
        lw      s2, 48(sp)
        lw      s3, 44(sp)
        lw      s4, 40(sp)
        lw      s5, 36(sp)
        lw      s6, 32(sp)
        lw      s7, 28(sp)
        lw      s8, 24(sp)
        lw      s9, 20(sp)
        lw      s10, 16(sp)
        lw      s11, 12(sp)
        lw      gp, 8(sp)
        addi    sp, sp, SWITCH_SIZE
        ret

# A new task's first instruction: a0 = the task that ran before, s0 = 0.
        .globl ret_from_fork
ret_from_fork:
        call    task_entry
        j       hart_off

# For the shell's trap command.
        .globl jump_to
jump_to:
        jr      a0

        .globl illegal_instruction
illegal_instruction:
        .half   0
        ret

# Where a scenario is, for whoever watches from outside (scenarios/): they do nothing, and as they are
# not in TypeScript no optimiser takes them away.
        .globl scenario_ready
        .globl scenario_begin
        .globl scenario_end
scenario_ready:
        ret
scenario_begin:
        ret
scenario_end:
        ret

        .section .bss
        .balign 512
        .globl __per_cpu_start
__per_cpu_start:
        .space  NR_CPUS << PERCPU_SHIFT
        .balign 16
        .globl boot_stacks
boot_stacks:
        .space  STACKS_SIZE
