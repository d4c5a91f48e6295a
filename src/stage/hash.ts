/**
 * A fast hash: to find things by, and to see that they are whole; no protection against somebody who means to make two
 * texts alike. In: text or bytes. Out: hexadecimal text.
 * @module
 */

const { Bun } = globalThis as { Bun?: { hash(data: string | Uint8Array): bigint } };

/** The hash of a text or of bytes, 64 bits. Bun and Deno have different ones. */
export function hashOf(data: string | Uint8Array): string {
  return Bun === undefined ? fnv1a(data) : Bun.hash(data).toString(16);
}

/** FNV-1a, two of 32 bits. */
function fnv1a(data: string | Uint8Array): string {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  let a = 0x811c9dc5;
  let b = 0x050c5d1f;
  for (const byte of bytes) {
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul(b ^ byte ^ (a >>> 16), 0x01000193);
  }
  return (a >>> 0).toString(16) + (b >>> 0).toString(16);
}
