// 16-bit encodings of 32-bit instructions (RISC-V Unprivileged ISA, chapter 28 "C"), for what the
// code generator emits most. Branches and jumps stay long: their reach is settled afterwards.

const narrow = (r: number): boolean => r >= 8 && r <= 15;
const bits = (n: number, high: number, low: number): number =>
  (n >> low) & ((1 << (high - low + 1)) - 1);

/** imm[5] at bit 12 and imm[4:0] at bit 2. */
const imm6 = (imm: number): number => (bits(imm, 5, 5) << 12) | (bits(imm, 4, 0) << 2);

/** The 16-bit instruction that does the same; 0 if there is none. */
export function compress(word: number): number {
  const rd = bits(word, 11, 7);
  const rs1 = (word >>> 15) & 31;
  const rs2 = (word >>> 20) & 31;
  const funct3 = (word >>> 12) & 7;
  const imm = word >> 20;
  switch (word & 0x7f) {
    case 0x13:
      return immediate(funct3, rd, rs1, imm);
    case 0x33:
      return register(word >>> 25, funct3, rd, rs1, rs2);
    case 0x37: {
      const high = word >> 12;
      const fits = high >= -32 && high < 32 && high !== 0;
      return fits && rd !== 0 && rd !== 2 ? 0x6001 | (rd << 7) | imm6(high) : 0;
    }
    case 0x03:
      return funct3 === 2 ? loadWord(rd, rs1, imm) : 0;
    case 0x23:
      return funct3 === 2 ? storeWord(rs2, rs1, ((word >> 25) << 5) | rd) : 0;
    case 0x67:
      if (imm !== 0 || rs1 === 0) return 0;
      return rd === 0 ? 0x8002 | (rs1 << 7) : rd === 1 ? 0x9002 | (rs1 << 7) : 0;
    case 0x73:
      return word === 0x00100073 ? 0x9002 : 0;
    default:
      return 0;
  }
}

function immediate(funct3: number, rd: number, rs1: number, imm: number): number {
  if (rd === 0) return 0;
  const small = imm >= -32 && imm < 32;
  switch (funct3) {
    case 0:
      if (rs1 === 0) return small ? 0x4001 | (rd << 7) | imm6(imm) : 0; // c.li
      if (imm === 0) return 0x8002 | (rd << 7) | (rs1 << 2); // c.mv
      if (rd === rs1 && small) return 0x0001 | (rd << 7) | imm6(imm); // c.addi
      if (rs1 !== 2) return 0;
      if (rd === 2 && imm % 16 === 0 && imm >= -512 && imm < 512) {
        return (
          0x6101 |
          (bits(imm, 9, 9) << 12) |
          (bits(imm, 4, 4) << 6) |
          (bits(imm, 6, 6) << 5) |
          (bits(imm, 8, 7) << 3) |
          (bits(imm, 5, 5) << 2)
        );
      }
      if (narrow(rd) && imm % 4 === 0 && imm > 0 && imm < 1024) {
        return (
          (bits(imm, 5, 4) << 11) |
          (bits(imm, 9, 6) << 7) |
          (bits(imm, 2, 2) << 6) |
          (bits(imm, 3, 3) << 5) |
          ((rd - 8) << 2)
        );
      }
      return 0;
    case 1:
      return rd === rs1 && imm !== 0 ? 0x0002 | (rd << 7) | imm6(imm & 31) : 0;
    case 5: {
      const amount = imm & 31;
      if (rd !== rs1 || !narrow(rd) || amount === 0) return 0;
      return (imm & 0x400 ? 0x8401 : 0x8001) | ((rd - 8) << 7) | imm6(amount);
    }
    case 7:
      return rd === rs1 && narrow(rd) && small ? 0x8801 | ((rd - 8) << 7) | imm6(imm) : 0;
    default:
      return 0;
  }
}

/** xor, or, and by funct3. */
const LOGIC: Readonly<Record<number, number>> = { 4: 0x8c21, 6: 0x8c41, 7: 0x8c61 };

function register(funct7: number, funct3: number, rd: number, rs1: number, rs2: number): number {
  if (funct7 === 0 && funct3 === 0 && rd !== 0 && rs1 !== 0 && rs2 !== 0) {
    if (rd === rs1) return 0x9002 | (rd << 7) | (rs2 << 2);
    if (rd === rs2) return 0x9002 | (rd << 7) | (rs1 << 2);
    return 0;
  }
  const code = LOGIC[funct3];
  if (funct7 === 0x20 && funct3 === 0) {
    return rd === rs1 && narrow(rd) && narrow(rs2)
      ? 0x8c01 | ((rd - 8) << 7) | ((rs2 - 8) << 2)
      : 0;
  }
  if (funct7 !== 0 || code === undefined || !narrow(rd)) return 0;
  const other = rd === rs1 ? rs2 : rd === rs2 ? rs1 : 0;
  return narrow(other) ? code | ((rd - 8) << 7) | ((other - 8) << 2) : 0;
}

function loadWord(rd: number, rs1: number, imm: number): number {
  if (imm < 0 || imm % 4 !== 0) return 0;
  if (rs1 === 2 && rd !== 0 && imm < 256) {
    return (
      0x4002 | (bits(imm, 5, 5) << 12) | (rd << 7) | (bits(imm, 4, 2) << 4) | (bits(imm, 7, 6) << 2)
    );
  }
  return narrow(rd) && narrow(rs1) && imm < 128 ? 0x4000 | memory(rd, rs1, imm) : 0;
}

function storeWord(rs2: number, rs1: number, imm: number): number {
  if (imm < 0 || imm % 4 !== 0) return 0;
  if (rs1 === 2 && imm < 256) {
    return 0xc002 | (bits(imm, 5, 2) << 9) | (bits(imm, 7, 6) << 7) | (rs2 << 2);
  }
  return narrow(rs2) && narrow(rs1) && imm < 128 ? 0xc000 | memory(rs2, rs1, imm) : 0;
}

const memory = (data: number, base: number, imm: number): number =>
  (bits(imm, 5, 3) << 10) |
  ((base - 8) << 7) |
  (bits(imm, 2, 2) << 6) |
  (bits(imm, 6, 6) << 5) |
  ((data - 8) << 2);
