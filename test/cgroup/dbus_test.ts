/** D-Bus messages, byte for byte, and what damaged ones do; addresses of buses. @module */
import assert from "node:assert/strict";
import { test } from "node:test";
import { messageLength, messageTypes, parseMessage, printCall } from "../../src/cgroup/dbus_message.ts";
import { Reader, Writer } from "../../src/cgroup/dbus_values.ts";
import { socketOf } from "../../src/cgroup/systemd.ts";
import { HostError } from "../../src/errors.ts";

const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

function written(type: string, value: Parameters<Writer["value"]>[1]): string {
  const writer = new Writer();
  writer.value(type, value);
  return hex(writer.bytes());
}

test("values lie as the specification says", () => {
  assert.equal(written("s", "foo"), "03000000666f6f00");
  assert.equal(written("b", true), "01000000");
  assert.equal(written("ay", [1, 2]), "020000000102");
  assert.equal(written("au", [5]), "0400000005000000");
  // An array of structures: its length does not count the padding before the first.
  assert.equal(written("a(ss)", []), "0000000000000000");
  assert.equal(written("a(st)", [["x", 1n]]), "100000000000000001000000780000000100000000000000");
  assert.equal(written("t", 2n ** 64n - 1n), "ffffffffffffffff");
  assert.equal(written("i", -1), "ffffffff");
  assert.equal(written("d", 1.5), "000000000000f83f");
});

test("a call is what it was made of, after a way through bytes", () => {
  const bytes = printCall(
    {
      destination: "org.example",
      path: "/a/b",
      interface: "org.example.I",
      member: "Do",
      signature: "su",
      body: (writer) => {
        writer.string("héllo");
        writer.u32(7);
      },
    },
    9,
  );
  assert.equal(messageLength(bytes), bytes.length);
  for (let length = 0; length < 16; length++) assert.equal(messageLength(bytes.slice(0, length)), 0);
  const message = parseMessage(bytes);
  assert.equal(message.type, messageTypes.CALL);
  assert.equal(message.path, "/a/b");
  assert.equal(message.interface, "org.example.I");
  assert.equal(message.member, "Do");
  assert.equal(message.signature, "su");
  assert.equal(message.body.string(), "héllo");
  assert.equal(message.body.u32(), 7);
});

test("long values make room for themselves", () => {
  const writer = new Writer();
  const text = "x".repeat(5000);
  writer.string(text);
  writer.string(text);
  const reader = new Reader(writer.bytes());
  assert.equal(reader.string(), text);
  assert.equal(reader.string(), text);
});

test("damaged messages are errors, not values", () => {
  const good = printCall({ destination: "d", path: "/", interface: "i.i", member: "M" }, 1);
  const changed = (at: number, value: number): Uint8Array => {
    const bytes = good.slice();
    bytes[at] = value;
    return bytes;
  };
  assert.throws(() => messageLength(changed(0, 0x42)), HostError);
  assert.throws(() => messageLength(changed(3, 2)), HostError);
  assert.throws(() => messageLength(changed(7, 0x7f)), HostError);
  for (let at = 12; at < good.length; at++) {
    try {
      parseMessage(changed(at, 0xff));
    } catch (error) {
      assert.ok(error instanceof HostError, String(error));
    }
  }
  assert.throws(() => new Reader(new Uint8Array(2)).u32(), HostError);
});

test("socketOf() finds the socket of an address", () => {
  assert.equal(socketOf("unix:path=/run/user/1000/bus"), "/run/user/1000/bus");
  assert.equal(socketOf("unix:path=/a%20b,guid=12"), "/a b");
  assert.equal(socketOf("tcp:host=x;unix:abstract=/tmp/x,guid=1"), "@/tmp/x");
  assert.equal(socketOf("unix:runtime=yes"), undefined);
  assert.equal(socketOf(""), undefined);
  assert.equal(socketOf(undefined), undefined);
});
