/** Tests of the runtime's sockets: what is no descriptor is not taken for one. @module */
import assert from "node:assert/strict";
import { readlinkSync } from "node:fs";
import { test } from "node:test";
import { sendFd } from "../../src/stage/send_fd.ts";
import { post, receiveFd, socketPair } from "../../src/stage/sockets.ts";
import { close, openAt, stable, sys, sysOrThrow } from "../../src/stage/sys.ts";

const AT_FDCWD = -100;

test("receiveFd() gives the descriptor that was sent", () => {
  const [ours, theirs] = socketPair();
  const file = openAt(AT_FDCWD, "/dev/null", "O_RDONLY|O_CLOEXEC");
  sendFd(theirs, file, "null");
  const got = receiveFd(ours);
  assert.equal(readlinkSync(`/proc/self/fd/${got}`), "/dev/null");
  for (const fd of [ours, theirs, file, got]) close(fd);
});

test("receiveFd() refuses a message without a descriptor, and none", () => {
  const [ours, theirs] = socketPair();
  assert.ok(post(theirs, 1));
  assert.throws(() => receiveFd(ours), /Cannot receive the terminal/);
  close(theirs);
  assert.throws(() => receiveFd(ours), /Cannot receive the terminal/);
  close(ours);
});

// unix(7): where the receiver may open no more, the message comes without its descriptors (MSG_CTRUNC).
test("receiveFd() refuses a descriptor that did not fit", () => {
  const [ours, theirs] = socketPair();
  const file = openAt(AT_FDCWD, "/dev/null", "O_RDONLY|O_CLOEXEC");
  sendFd(theirs, file, "null");
  const RLIMIT_NOFILE = 7;
  const before = stable(16);
  sysOrThrow("prlimit64", 0, RLIMIT_NOFILE, null, before);
  const none = stable(16);
  none.set(before);
  new DataView(none.buffer).setBigUint64(0, 0n, true);
  try {
    assert.equal(sys("prlimit64", 0, RLIMIT_NOFILE, none, null), 0);
    assert.throws(() => receiveFd(ours), /Cannot receive the terminal/);
  } finally {
    sysOrThrow("prlimit64", 0, RLIMIT_NOFILE, before, null);
    for (const fd of [ours, theirs, file]) close(fd);
  }
});
