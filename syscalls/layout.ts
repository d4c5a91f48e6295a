/**
 * Shape of the structure layouts in generated/, for the encoder and the printer.
 * @module
 */
import type { FieldKind } from "./structs.ts";

/** One field: where it stands in the structure, in bytes. */
export interface FieldLayout {
  readonly offset: number;
  readonly size: number;
  readonly kind: FieldKind;
}

export interface StructLayout {
  /** bytes handed to the kernel */
  readonly size: number;
  readonly fields: Readonly<Record<string, FieldLayout>>;
}
