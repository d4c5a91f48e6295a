/**
 * Known differences in user namespaces and joined ones.
 * @module
 */
import type { KnownDifference } from "./known_difference.ts";

const inUserNamespace =
  /^(user namespace|rootless|joined user|pod, user|exec, into (a user namespace|an ordinary user))/;

export const ofUsers: readonly KnownDifference[] = [
  {
    peer: "runc",
    cases: inUserNamespace,
    key: /^mounts \/dev\/(full|fuse|null|random|tty|urandom|zero)$/,
    ours: /noexec,nosuid/,
    why: "a device of the machine is bound with nosuid and noexec, as crun does; runc 1.1 binds it bare",
  },
  {
    peer: "runc",
    cases: inUserNamespace,
    key: /^dev \/dev\/mqueue$/,
    ours: /65534:65534/,
    theirs: /0:65534/,
    why: "the queue file system is made together with the ipc namespace, by whoever makes that; every user may use it (mode 1777)",
  },
  {
    peer: "crun",
    cases: inUserNamespace,
    key: /^dev \/dev\/mqueue$/,
    ours: /65534:65534/,
    theirs: /0:0/,
    why: "the queue file system is made together with the ipc namespace, by whoever makes that; every user may use it (mode 1777)",
  },
  {
    peer: "crun",
    cases: /^(user namespace, inherited pid|user namespace, proc with hidepid)/,
    key: /^mounts \/proc/,
    ours: /nodev,noexec,nosuid/,
    why: "flags asked for, and those of the mount that a read-only path is on, stay (requirement C22); crun 1.8 drops them",
  },
  {
    peer: "crun",
    cases: /^user namespace, rbind (ro )?of a tree$/,
    key: /^mounts \/mnt\/data\/sub$/,
    ours: /inner/,
    theirs: /^$/,
    why: "rbind takes the mounts below along; crun 1.8 leaves them out in a user namespace",
  },
  {
    peer: "runc",
    cases: /(bind ro of a tmpfs with nosuid nodev noexec|then another bound over it read-only)$/,
    key: /^result /,
    theirs: /^(yes|1)$/,
    why: "requirement S1: only the bits asked for are set; runc 1.1 remounts without the locked ones and is refused",
  },
  {
    peer: "crun",
    cases: /nosuid nodev noexec$|then another bound over it read-only$/,
    key: /^mounts (\/mnt\/data|\/dev\/shm)$/,
    ours: /nodev,noexec,nosuid/,
    why: "flags that are asked for or on the source are on the result; crun 1.8 drops them in a user namespace",
  },
  {
    peer: "crun",
    cases: /^user namespace, masked and read-only paths/,
    key: /^masked \/proc\/keys$/,
    why: "not masked in this case: the session keyring of the container shows, which crun's cannot see in its user namespace",
  },
  {
    peer: "crun",
    cases: /^user namespace, (configured device|a default device asked for again)$/,
    key: /^(dev|mounts) \/dev\/(fuse|zero)$/,
    why: "both make a configured device anew on a tmpfs; crun 1.8 with the caller's mask off its mode, without nosuid and noexec, and not always with the owner",
  },
  {
    peer: "runc",
    cases: /^user namespace, (configured device|a default device asked for again)$/,
    key: /^dev \/dev\/(fuse|zero)$/,
    ours: /^crw-rw-rw- 0:0 /,
    why: "mode and owner as config.json asks; runc 1.1 binds the machine's device with the machine's",
  },
  {
    peer: "runc",
    cases: /^user namespace, a default device asked for again$/,
    key: /^working /,
    why: "runc 1.1 then allows only the listed device in its device filter",
  },
  {
    peer: "crun",
    cases: /^user namespace, bind of \/dev$/,
    key: /^(dev|mounts|writable|working) (\/dev|ptmx)/,
    why: "rbind takes the mounts below along; crun 1.8 leaves them out in a user namespace",
  },
  {
    peer: "crun",
    cases: /^user namespace, the last user of the range$/,
    key: /^environment \d+$/,
    ours: /^HOME=\/$/,
    theirs: /^$/,
    why: "a user whom the image's /etc/passwd does not name: HOME is / in runc and here, crun sets none",
  },
  {
    peer: "crun",
    cases: /^(joined|pod,) user/,
    key: /^mounts \/(dev\/mqueue|proc(\/\w+)?)$/,
    theirs: / (mqueue|proc) none /,
    why: "crun 1.8 mounts anew in a joined user namespace, without source and flags; ours are config.json's",
  },
  {
    peer: "runc",
    cases: /^joined mount namespace$/,
    key: /^result /,
    theirs: /^(yes|1)$/,
    why: "runc 1.1 needs /proc in the root to close descriptors; ours does not",
  },
];
