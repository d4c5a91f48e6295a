/**
 * Reads the little of a 64-bit little-endian ELF file that the C build needs: sections, segments, symbols, relocations.
 * Input: bytes. Output: plain data. Layouts: elf(5).
 * @module
 */

export interface Section {
  readonly name: string;
  /** SHT_*: 1 PROGBITS, 2 SYMTAB, 4 RELA, 8 NOBITS */
  readonly type: number;
  /** SHF_*: 1 WRITE, 2 ALLOC, 4 EXECINSTR */
  readonly flags: number;
  readonly address: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

export interface Segment {
  /** PT_*: 1 LOAD */
  readonly type: number;
  /** PF_*: 1 execute, 2 write, 4 read */
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
  readonly memorySize: number;
  /** Where in the file this program header stands. */
  readonly header: number;
}

export interface Symbol {
  readonly name: string;
  readonly value: number;
  readonly size: number;
  readonly isExported: boolean;
  readonly isFunction: boolean;
}

export interface Elf {
  readonly sections: readonly Section[];
  readonly segments: readonly Segment[];
  readonly symbols: readonly Symbol[];
  /** Numbers of the relocation types of RELA sections, with the section's name. */
  readonly relocations: readonly { section: string; type: number; offset: number }[];
}

const nameAt = (bytes: Uint8Array, offset: number): string => {
  const end = bytes.indexOf(0, offset);
  return new TextDecoder().decode(bytes.subarray(offset, end));
};

const PT_LOAD = 1;
const PF_X = 1;

/** The segments that are mapped into memory. */
export const loadedSegments = ({ segments }: Elf): Segment[] => segments.filter(({ type }) => type === PT_LOAD);

/** The one that holds code. */
export const codeSegment = (elf: Elf): Segment | undefined =>
  loadedSegments(elf).find(({ flags }) => (flags & PF_X) !== 0);

/** Parses a file; throws if it is not a 64-bit little-endian ELF. */
export function readElf(bytes: Uint8Array): Elf {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u16 = (at: number): number => view.getUint16(at, true);
  const u32 = (at: number): number => view.getUint32(at, true);
  const u64 = (at: number): number => Number(view.getBigUint64(at, true));
  if (view.getUint32(0, false) !== 0x7f45_4c46 || bytes[4] !== 2 || bytes[5] !== 1) throw new Error("Not a 64-bit ELF");

  const segments = Array.from({ length: u16(56) }, (_, index): Segment => {
    const at = u64(32) + index * u16(54);
    return {
      type: u32(at),
      flags: u32(at + 4),
      offset: u64(at + 8),
      address: u64(at + 16),
      fileSize: u64(at + 32),
      memorySize: u64(at + 40),
      header: at,
    };
  });

  const sectionAt = (index: number): number => u64(40) + index * u16(58);
  const names = u64(sectionAt(u16(62)) + 24);
  const sections = Array.from({ length: u16(60) }, (_, index): Section => {
    const at = sectionAt(index);
    return {
      name: nameAt(bytes, names + u32(at)),
      type: u32(at + 4),
      flags: u64(at + 8),
      address: u64(at + 16),
      offset: u64(at + 24),
      size: u64(at + 32),
      link: u32(at + 40),
    };
  });

  const symbols = sections.flatMap((section) => {
    if (section.type !== 2) return [];
    const strings = sections[section.link]!.offset;
    return Array.from({ length: section.size / 24 }, (_, index): Symbol => {
      const at = section.offset + index * 24;
      const info = bytes[at + 4]!;
      return {
        name: nameAt(bytes, strings + u32(at)),
        value: u64(at + 8),
        size: u64(at + 16),
        // STB_GLOBAL, STV_DEFAULT, and defined in a section
        isExported: info >> 4 === 1 && (bytes[at + 5]! & 3) === 0 && u16(at + 6) !== 0,
        isFunction: (info & 15) === 2,
      };
    });
  });

  const relocations = sections.flatMap((section) => {
    if (section.type !== 4) return [];
    return Array.from({ length: section.size / 24 }, (_, index) => {
      const at = section.offset + index * 24;
      return { section: section.name, type: u32(at + 8), offset: u64(at) };
    });
  });
  return { sections, segments, symbols, relocations };
}
