/**
 * D-Bus messages as bytes: the few kinds that systemd is spoken to with. In: a call. Out: bytes, and back.
 * Format: https://dbus.freedesktop.org/doc/dbus-specification.html, "Message Protocol"
 * @module
 */
import { HostError } from "../errors.ts";
import { Reader, Writer } from "./dbus_values.ts";

const LITTLE_ENDIAN = 0x6c;
const VERSION = 1;

export const messageTypes = { CALL: 1, REPLY: 2, ERROR: 3, SIGNAL: 4 } as const;

/** Codes of header fields. */
const fields = {
  PATH: 1,
  INTERFACE: 2,
  MEMBER: 3,
  ERROR_NAME: 4,
  REPLY_SERIAL: 5,
  DESTINATION: 6,
  SIGNATURE: 8,
} as const;

/** Bytes of the fixed part, to the length of the header's fields. */
const FIXED_BYTES = 16;

/** Ours: no answer of systemd's is nearly as long, and the specification's limit is 128 MB. */
const maxMessageBytes = 1024 * 1024;

export interface MethodCall {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  /** Writes the arguments. */
  readonly body?: (writer: Writer) => void;
}

/** What came in. */
export interface Message {
  readonly type: number;
  /** Of the call that it answers. */
  readonly replySerial: number;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly errorName: string;
  readonly signature: string;
  readonly body: Reader;
}

/** The bytes of a method call. */
export function printCall(call: MethodCall, serial: number): Uint8Array {
  const body = new Writer();
  call.body?.(body);
  const header = new Writer();
  for (const byte of [LITTLE_ENDIAN, messageTypes.CALL, 0, VERSION]) header.byte(byte);
  header.u32(body.length);
  header.u32(serial);
  header.array("(", () => {
    const field = (code: number, type: string, text: string): void => {
      header.align(8);
      header.byte(code);
      header.variant(type, text);
    };
    field(fields.PATH, "o", call.path);
    field(fields.INTERFACE, "s", call.interface);
    field(fields.MEMBER, "s", call.member);
    field(fields.DESTINATION, "s", call.destination);
    if (call.signature !== undefined) field(fields.SIGNATURE, "g", call.signature);
  });
  header.align(8);
  header.raw(body.bytes());
  return header.bytes();
}

/** How long the message at the start of these bytes is; 0: that is not known yet. */
export function messageLength(bytes: Uint8Array): number {
  if (bytes.length < FIXED_BYTES) return 0;
  if (bytes[0] !== LITTLE_ENDIAN || bytes[3] !== VERSION) {
    throw new HostError("Cannot read a D-Bus message: it is in another form");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Math.ceil((FIXED_BYTES + view.getUint32(12, true)) / 8) * 8 + view.getUint32(4, true);
  if (length > maxMessageBytes) throw new HostError(`Cannot read a D-Bus message of ${length} bytes`);
  return length;
}

/** A whole message. */
export function parseMessage(bytes: Uint8Array): Message {
  const reader = new Reader(bytes, 12);
  const texts: string[] = [];
  let replySerial = 0;
  const end = FIXED_BYTES + reader.u32();
  while (reader.position < end) {
    reader.align(8);
    const code = reader.byte();
    const type = reader.signature();
    if (type === "s" || type === "o") texts[code] = reader.string();
    else if (type === "g") texts[code] = reader.signature();
    else if (type === "u") {
      const value = reader.u32();
      if (code === fields.REPLY_SERIAL) replySerial = value;
    } else throw new HostError(`Cannot read a D-Bus message with a header of type "${type}"`);
  }
  return {
    type: bytes[1]!,
    replySerial,
    path: texts[fields.PATH] ?? "",
    interface: texts[fields.INTERFACE] ?? "",
    member: texts[fields.MEMBER] ?? "",
    errorName: texts[fields.ERROR_NAME] ?? "",
    signature: texts[fields.SIGNATURE] ?? "",
    body: new Reader(bytes.slice(Math.ceil(end / 8) * 8)),
  };
}
