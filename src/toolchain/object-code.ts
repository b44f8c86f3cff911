// What the assembler and the code generator produce before linking: sections, symbols, relocations
// and line rows. Follows ELF's model (gABI, chapter 4) with names in place of indices.

/** How a section is mapped. `nobits`: occupies memory only (.bss). */
export interface SectionFlags {
  readonly alloc: boolean;
  readonly write: boolean;
  readonly execute: boolean;
  readonly nobits: boolean;
}

/** A run of bytes that the linker places as one. For `nobits`, `bytes` is empty and `size` counts. */
export interface ObjectSection {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Size in memory in bytes; equals `bytes.length` unless `nobits`. */
  readonly size: number;
  /** Power of two, in bytes. */
  readonly align: number;
  readonly flags: SectionFlags;
}

/** What an ELF symbol stands for (STT_NOTYPE, STT_FUNC, STT_OBJECT). */
export type SymbolType = 'none' | 'function' | 'object';

/** A defined name. `section` is absent for an absolute value (.equ). */
export interface ObjectSymbol {
  readonly name: string;
  readonly section?: string;
  /** Offset in the section, or the absolute value. */
  readonly offset: number;
  readonly size: number;
  readonly type: SymbolType;
  readonly global: boolean;
}

/**
 * How a value is put into code or data. S symbol, A addend, P place (RISC-V psABI, "Relocations"):
 * hi20 lo12_i lo12_s: halves of S+A for lui and addi/load or store · pcrel_*: halves of S+A−P, where P
 * is the place of the auipc in all three · branch jal rvc_branch rvc_jump: S+A−P in that
 * instruction's target field · call: S+A−P into an auipc+jalr pair · abs32 abs16 abs8: S+A as data.
 */
export type RelocationKind =
  | 'hi20'
  | 'lo12_i'
  | 'lo12_s'
  | 'pcrel_hi20'
  | 'pcrel_lo12_i'
  | 'pcrel_lo12_s'
  | 'branch'
  | 'jal'
  | 'rvc_branch'
  | 'rvc_jump'
  | 'call'
  | 'abs32'
  | 'abs16'
  | 'abs8';

export interface Relocation {
  /** The section whose bytes are changed, and where. */
  readonly section: string;
  readonly offset: number;
  readonly kind: RelocationKind;
  /** A global symbol's name, or the name of a section of the same object (its first byte). */
  readonly symbol: string;
  readonly addend: number;
  /** pcrel_lo12_*: offset of the auipc that it completes, in the same section. */
  readonly pairOffset?: number;
  /** Source line of the instruction or directive, for messages. */
  readonly line: number;
}

/** From `offset` in `section` on, code comes from this line. */
export interface ObjectLine {
  readonly section: string;
  readonly offset: number;
  readonly line: number;
}

/** One translation unit, not yet placed. */
export interface ObjectCode {
  /** Source file name as given, for messages and the line table. */
  readonly file: string;
  readonly sections: readonly ObjectSection[];
  readonly symbols: readonly ObjectSymbol[];
  readonly relocations: readonly Relocation[];
  readonly lines: readonly ObjectLine[];
}
