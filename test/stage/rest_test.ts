/** Tests of stage/rest.ts: the rest of a stage's program reaches it whole, or nobody waits for it. @module */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { sendRest } from "../../src/stage/rest.ts";
import { socketPair } from "../../src/stage/sockets.ts";
import { close, flags, stable, sys, sysOrThrow } from "../../src/stage/sys.ts";

const imageOf = (length: number) => ({ bytes: stable(length).fill(7), registers: 0 });

/** All packets that lie in a socket, and then the end of the other side. */
function packets(fd: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (;;) {
    const buffer = stable(1 << 17);
    const n = sys("recvfrom", fd, buffer, buffer.length, 0);
    assert.ok(n >= 0, `recvfrom: ${n}`);
    if (n === 0) return found;
    found.push(buffer.slice(0, n));
  }
}

/** The pidfd of a process that has ended. */
async function endedProcess(): Promise<number> {
  const child = spawn("sleep", ["1000"]);
  await once(child, "spawn");
  const pidfd = sysOrThrow("pidfd_open", child.pid!, 0);
  const exited = once(child, "exit");
  sysOrThrow("pidfd_send_signal", pidfd, flags("SIGKILL"), null, 0);
  await exited;
  return pidfd;
}

test("sendRest() sends the length, then the bytes in packets that fit", () => {
  const [ours, theirs] = socketPair();
  const self = sysOrThrow("pidfd_open", sys("getpid"), 0);
  sendRest(ours, self, imageOf(100_000));
  close(ours);
  const [length, ...parts] = packets(theirs);
  close(theirs);
  close(self);
  assert.equal(new DataView(length!.buffer).getBigUint64(0, true), 100_000n);
  assert.deepEqual([...new Set(parts.map((part) => part.length))], [8192, 100_000 % 8192]);
  assert.equal(
    parts.reduce((sum, part) => sum + part.length, 0),
    100_000,
  );
  assert.ok(parts.every((part) => part.every((byte) => byte === 7)));
});

test("sendRest() stops when the stage has ended, also where its end of the socket is still open", async () => {
  const pidfd = await endedProcess();
  const [ours, theirs] = socketPair();
  // Far more than the socket takes: who waited for a reader would wait for ever.
  sendRest(ours, pidfd, imageOf(16_000_000));
  for (const fd of [ours, theirs, pidfd]) close(fd);
});

test("sendRest() stops when nobody has the other end", () => {
  const [ours, theirs] = socketPair();
  const self = sysOrThrow("pidfd_open", sys("getpid"), 0);
  close(theirs);
  sendRest(ours, self, imageOf(100_000));
  close(ours);
  close(self);
});

test("sendRest() makes smaller packets where the socket takes no larger ones", async () => {
  const pidfd = await endedProcess();
  const [ours, theirs] = socketPair();
  // The least the kernel allows: 4608 bytes.
  sysOrThrow("setsockopt", ours, flags("SOL_SOCKET"), flags("SO_SNDBUF"), stable(4), 4);
  sendRest(ours, pidfd, imageOf(6001));
  close(ours);
  const [length, part] = packets(theirs);
  close(theirs);
  close(pidfd);
  assert.equal(new DataView(length!.buffer).getBigUint64(0, true), 6001n);
  assert.equal(part!.length, 3000);
});

test("sendRest() says so where the rest cannot be sent to a stage that waits for it", () => {
  const fd = sysOrThrow("memfd_create", "no socket", 0);
  assert.throws(() => sendRest(fd, fd, imageOf(8)), /rest of its program: ENOTSOCK/);
  close(fd);
});
