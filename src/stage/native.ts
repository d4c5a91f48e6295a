/**
 * What the C build leaves in dist/native/<arch>.ts.
 * @module
 */

export interface Native {
  /** The shim: a flat image, base64. */
  readonly shim: string;
  /** Offset of each exported function in it. */
  readonly shimEntries: Readonly<Record<string, number>>;
}

/** Numbers that loading needs before any table can be asked through the shim. */
export interface Mapping {
  readonly mmap: number;
  readonly mprotect: number;
  /** MAP_PRIVATE|MAP_ANONYMOUS */
  readonly mapFlags: number;
}
