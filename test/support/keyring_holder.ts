/**
 * Somebody who waits for a container with a session keyring of its name that everybody may use.
 * In: a user's id, the keyring's name. Out: "ready" on standard output; it stays until it is killed.
 */
import { flags, sys } from "../../src/stage/sys.ts";

const everything = 0x3f3f3f3f;
const [uid = "", name = ""] = process.argv.slice(2);
// keyctl(2): the new keyring belongs to the ids of the one who makes it.
sys("setresgid", Number(uid), Number(uid), Number(uid));
sys("setresuid", Number(uid), Number(uid), Number(uid));
const keyring = sys("keyctl", flags("KEYCTL_JOIN_SESSION_KEYRING"), name);
const result = keyring < 0 ? keyring : sys("keyctl", flags("KEYCTL_SETPERM"), keyring, everything);
process.stdout.write(result < 0 ? `failed ${result}\n` : "ready\n");
setInterval(() => {}, 1000);
