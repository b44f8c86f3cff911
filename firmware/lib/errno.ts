// Error numbers, negative as functions return them. Values of asm-generic/errno-base.h.

export const EPERM: i32 = -1;
export const EINTR: i32 = -4;
export const EAGAIN: i32 = -11;
export const EINVAL: i32 = -22;
export const ESPIPE: i32 = -29;
export const EPIPE: i32 = -32;
