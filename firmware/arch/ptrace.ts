// struct pt_regs: the interrupted registers as entry.S pushes them. Word n is register xn; word 0,
// where x0 would be, holds the interrupted pc.

@unmanaged
export class pt_regs {
  epc: usize;
  ra: usize;
  sp: usize;
  gp: usize;
  tp: usize;
  t0: usize;
  t1: usize;
  t2: usize;
  s0: usize;
  s1: usize;
  a0: usize;
  a1: usize;
  a2: usize;
  a3: usize;
  a4: usize;
  a5: usize;
  a6: usize;
  a7: usize;
  s2: usize;
  s3: usize;
  s4: usize;
  s5: usize;
  s6: usize;
  s7: usize;
  s8: usize;
  s9: usize;
  s10: usize;
  s11: usize;
  t3: usize;
  t4: usize;
  t5: usize;
  t6: usize;
  status: usize;
  cause: usize;
  badaddr: usize;
  unused: usize;
  /** Outside words 0..35: see entry.S. Link of the frame-pointer chain. */
  pad0: usize;
  pad1: usize;
  frame_s0: usize;
  frame_ra: usize;
}

/** Bytes of a frame, PT_SIZE in entry.S. */
export const PT_SIZE: usize = 160;
