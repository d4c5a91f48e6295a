import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Attributes,
  fsmountFlags,
  knownMountOptions,
  mountAttr,
  type MountOptions,
  parseMountOptions,
} from "../../src/plan/mount_options.ts";

const none: Attributes = { set: [], clear: [], atime: "" };
const plain: MountOptions = parseMountOptions([]);

const set = (...flags: string[]): Attributes => ({ ...none, set: flags.map((flag) => `MOUNT_ATTR_${flag}`) });
const clear = (...flags: string[]): Attributes => ({ ...none, clear: flags.map((flag) => `MOUNT_ATTR_${flag}`) });
const atime = (mode: string): Attributes => ({ ...none, atime: `MOUNT_ATTR_${mode}` });

/** Option → what differs from no options at all. */
const expected: Readonly<Record<string, Partial<MountOptions>>> = {
  defaults: {},
  bind: { bind: "bind" },
  rbind: { bind: "rbind" },
  remount: { remount: true },
  ro: { own: set("RDONLY"), superblock: { ro: true } },
  rw: { own: clear("RDONLY"), superblock: { ro: false } },
  suid: { own: clear("NOSUID") },
  nosuid: { own: set("NOSUID") },
  dev: { own: clear("NODEV") },
  nodev: { own: set("NODEV") },
  exec: { own: clear("NOEXEC") },
  noexec: { own: set("NOEXEC") },
  diratime: { own: clear("NODIRATIME") },
  nodiratime: { own: set("NODIRATIME") },
  symfollow: { own: clear("NOSYMFOLLOW") },
  nosymfollow: { own: set("NOSYMFOLLOW") },
  atime: { own: atime("RELATIME") },
  noatime: { own: atime("NOATIME") },
  relatime: { own: atime("RELATIME") },
  norelatime: {},
  strictatime: { own: atime("STRICTATIME") },
  nostrictatime: {},
  rro: { recursive: set("RDONLY") },
  rrw: { recursive: clear("RDONLY") },
  rsuid: { recursive: clear("NOSUID") },
  rnosuid: { recursive: set("NOSUID") },
  rdev: { recursive: clear("NODEV") },
  rnodev: { recursive: set("NODEV") },
  rexec: { recursive: clear("NOEXEC") },
  rnoexec: { recursive: set("NOEXEC") },
  rdiratime: { recursive: clear("NODIRATIME") },
  rnodiratime: { recursive: set("NODIRATIME") },
  rsymfollow: { recursive: clear("NOSYMFOLLOW") },
  rnosymfollow: { recursive: set("NOSYMFOLLOW") },
  ratime: { recursive: atime("RELATIME") },
  rnoatime: { recursive: atime("NOATIME") },
  rrelatime: { recursive: atime("RELATIME") },
  rnorelatime: {},
  rstrictatime: { recursive: atime("STRICTATIME") },
  rnostrictatime: {},
  private: { propagation: [{ flag: "MS_PRIVATE", recursive: false, index: 0 }] },
  rprivate: { propagation: [{ flag: "MS_PRIVATE", recursive: true, index: 0 }] },
  shared: { propagation: [{ flag: "MS_SHARED", recursive: false, index: 0 }] },
  rshared: { propagation: [{ flag: "MS_SHARED", recursive: true, index: 0 }] },
  slave: { propagation: [{ flag: "MS_SLAVE", recursive: false, index: 0 }] },
  rslave: { propagation: [{ flag: "MS_SLAVE", recursive: true, index: 0 }] },
  unbindable: { propagation: [{ flag: "MS_UNBINDABLE", recursive: false, index: 0 }] },
  runbindable: { propagation: [{ flag: "MS_UNBINDABLE", recursive: true, index: 0 }] },
  sync: { superblock: { sync: true } },
  rsync: { superblock: { sync: true } },
  async: { superblock: { sync: false } },
  rasync: { superblock: { sync: false } },
  dirsync: { superblock: { dirsync: true } },
  rdirsync: { superblock: { dirsync: true } },
  mand: { superblock: { mand: true } },
  rmand: { superblock: { mand: true } },
  nomand: { superblock: { mand: false } },
  rnomand: { superblock: { mand: false } },
  lazytime: { superblock: { lazytime: true } },
  nolazytime: { superblock: { lazytime: false } },
  iversion: { superblock: { iversion: true } },
  noiversion: { superblock: { iversion: false } },
  silent: {},
  loud: {},
  tmpcopyup: { copyUp: true },
  "copy-symlink": { copySymlink: true },
  "src-nofollow": { sourceNoFollow: true },
  "dest-nofollow": { destinationNoFollow: true },
  idmap: { idmap: 0 },
  ridmap: { idmap: 0 },
  auto: {},
  noauto: {},
  nofail: {},
  _netdev: {},
  nouser: {},
  user: { own: set("NOEXEC", "NOSUID", "NODEV") },
  users: { own: set("NOEXEC", "NOSUID", "NODEV") },
  owner: { own: set("NOSUID", "NODEV") },
  group: { own: set("NOSUID", "NODEV") },
};

for (const [option, difference] of Object.entries(expected)) {
  test(`parseMountOptions() reads "${option}"`, () => {
    assert.deepEqual(parseMountOptions([option]), { ...plain, ...difference });
  });
}

test("knownMountOptions() are exactly those tested above", () => {
  assert.deepEqual(knownMountOptions(), Object.keys(expected).sort());
});

// MUST config.md#linux-mount-options: the options runtimes must, should and may know
test("every option of runtime-spec is known", () => {
  const options = `async atime bind defaults dev diratime dirsync exec iversion lazytime loud noatime nodev nodiratime
    noexec noiversion nolazytime norelatime nostrictatime nosuid private ratime rbind rdev rdiratime relatime remount
    rexec rnoatime rnodev rnodiratime rnoexec rnorelatime rnostrictatime rnosuid rnosymfollow ro rprivate rrelatime rro
    rrw rshared rslave rstrictatime rsuid rsymfollow runbindable rw shared silent slave strictatime suid symfollow sync
    tmpcopyup unbindable idmap ridmap mand nomand nosymfollow`.split(/\s+/);
  const known = new Set(knownMountOptions());
  assert.deepEqual(
    options.filter((option) => !known.has(option)),
    [],
  );
});

test("parseMountOptions() skips empty options and those of fstab", () => {
  assert.deepEqual(parseMountOptions(["", "x-systemd.automount", "X-mount.mkdir", "comment=none"]), plain);
});

test("parseMountOptions() leaves unknown options to the filesystem, with their place", () => {
  assert.deepEqual(parseMountOptions(["ro", "size=1m", "newinstance"]).data, [
    { option: "size=1m", index: 1 },
    { option: "newinstance", index: 2 },
  ]);
});

test("parseMountOptions() finds id mappings in every form", () => {
  assert.equal(parseMountOptions(["ro", "idmap=uids=0-1-10;gids=0-1-10"]).idmap, 1);
  assert.equal(parseMountOptions(["ridmap=uids=@0-1-10"]).idmap, 0);
});

test("of contrary options the last one counts", () => {
  assert.deepEqual(parseMountOptions(["ro", "rw"]).own, clear("RDONLY"));
  assert.deepEqual(parseMountOptions(["rw", "ro"]).own, set("RDONLY"));
  assert.deepEqual(parseMountOptions(["noatime", "strictatime"]).own, atime("STRICTATIME"));
  assert.deepEqual(parseMountOptions(["bind", "rbind"]).bind, "rbind");
  assert.deepEqual(parseMountOptions(["rbind", "bind"]).bind, "rbind");
});

test("a mode of access times is taken back by its own negative only", () => {
  assert.deepEqual(parseMountOptions(["strictatime", "nostrictatime"]).own, none);
  assert.deepEqual(parseMountOptions(["noatime", "nostrictatime"]).own, atime("NOATIME"));
});

test("mountAttr() clears the field of access times before it sets a mode", () => {
  assert.deepEqual(mountAttr(parseMountOptions(["noatime", "ro", "exec"]).own), {
    attr_set: "MOUNT_ATTR_RDONLY|MOUNT_ATTR_NOATIME",
    attr_clr: "MOUNT_ATTR_NOEXEC|MOUNT_ATTR__ATIME",
  });
});

test("mountAttr() asks for nothing where no option does", () => {
  assert.equal(mountAttr(parseMountOptions(["bind", "rprivate"]).own), undefined);
});

test("fsmountFlags() sets only, since a new mount has nothing to clear", () => {
  assert.equal(
    fsmountFlags(parseMountOptions(["rw", "nosuid", "strictatime"]).own),
    "MOUNT_ATTR_NOSUID|MOUNT_ATTR_STRICTATIME",
  );
  assert.equal(fsmountFlags(parseMountOptions(["relatime"]).own), "0");
  assert.equal(
    fsmountFlags(parseMountOptions(["nodev"]).own, ["MOUNT_ATTR_NODEV", "MOUNT_ATTR_NOSUID"]),
    "MOUNT_ATTR_NODEV|MOUNT_ATTR_NOSUID",
  );
});
