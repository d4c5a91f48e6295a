/**
 * Architectures a profile may name. In: SCMP_ARCH_ name. Out: what the kernel calls it, its table of system calls.
 * Functions and switches rather than tables: nothing of this may cost a start without a profile.
 * @module
 */
import * as tables from "../../syscalls/generated/call_numbers.ts";
import { seccompArchitectures } from "../spec/enumerations.ts";

/** SCMP_ARCH_ names, as in config.json. */
export type ArchitectureName = (typeof seccompArchitectures)[number];

export interface Architecture {
  readonly name: ArchitectureName;
  /** AUDIT_ARCH_ value: what `arch` in struct seccomp_data is (linux/audit.h). */
  readonly token: number;
  /** Bits of an argument. On 32 only the low half is looked at: the kernel leaves whatever was in the other. */
  readonly bits: 32 | 64;
  readonly isBigEndian: boolean;
  /** Its calls, the least number first: number, place of the name in callNames(), next number and so on. */
  readonly calls: () => readonly number[];
  /** Sockets and System V IPC may also go through the calls socketcall(2) and ipc(2). */
  readonly isMultiplexed: boolean;
}

/** Bit in the number of every x32 call: they share AUDIT_ARCH_X86_64 with the 64-bit ones. */
export const x32Bit = 0x4000_0000;

/** Where calls private to arm start (linux/arch/arm/include/uapi/asm/unistd.h, __ARM_NR_BASE). */
export const armPrivate = 0x0f_0000;

/** Bit in the value of every little-endian architecture (linux/audit.h, __AUDIT_ARCH_LE). */
const littleEndian = 0x4000_0000;

/** The names of architectures whose calls are known here. */
export const knownArchitectures = (): readonly ArchitectureName[] =>
  seccompArchitectures.filter((name) => architectureOf(name) !== undefined);

/** An architecture; undefined for those without a table (PA-RISC, SuperH), which bunker does not run on either. */
export function architectureOf(name: ArchitectureName): Architecture | undefined {
  const known = (
    token: number,
    bits: 32 | 64,
    calls: () => readonly number[],
    isMultiplexed = false,
  ): Architecture => ({ name, token, bits, isBigEndian: (token & littleEndian) === 0, calls, isMultiplexed });
  switch (name) {
    case "SCMP_ARCH_X86_64":
      return known(0xc000_003e, 64, tables.x86_64);
    case "SCMP_ARCH_X86":
      return known(0x4000_0003, 32, tables.x86, true);
    case "SCMP_ARCH_X32":
      return known(0xc000_003e, 32, tables.x32);
    case "SCMP_ARCH_AARCH64":
      return known(0xc000_00b7, 64, tables.aarch64);
    case "SCMP_ARCH_ARM":
      return known(0x4000_0028, 32, tables.arm);
    case "SCMP_ARCH_LOONGARCH64":
      return known(0xc000_0102, 64, tables.loongarch64);
    case "SCMP_ARCH_M68K":
      return known(0x0000_0004, 32, tables.m68k, true);
    case "SCMP_ARCH_MIPS":
      return known(0x0000_0008, 32, tables.mips, true);
    case "SCMP_ARCH_MIPSEL":
      return known(0x4000_0008, 32, tables.mips, true);
    case "SCMP_ARCH_MIPS64":
      return known(0x8000_0008, 64, tables.mips64);
    case "SCMP_ARCH_MIPSEL64":
      return known(0xc000_0008, 64, tables.mips64);
    case "SCMP_ARCH_MIPS64N32":
      return known(0xa000_0008, 32, tables.mips64n32);
    case "SCMP_ARCH_MIPSEL64N32":
      return known(0xe000_0008, 32, tables.mips64n32);
    case "SCMP_ARCH_PPC":
      return known(0x0000_0014, 32, tables.ppc, true);
    case "SCMP_ARCH_PPC64":
      return known(0x8000_0015, 64, tables.ppc64, true);
    case "SCMP_ARCH_PPC64LE":
      return known(0xc000_0015, 64, tables.ppc64, true);
    case "SCMP_ARCH_RISCV64":
      return known(0xc000_00f3, 64, tables.riscv64);
    case "SCMP_ARCH_S390":
      return known(0x0000_0016, 32, tables.s390, true);
    case "SCMP_ARCH_S390X":
      return known(0x8000_0016, 64, tables.s390x, true);
    case "SCMP_ARCH_PARISC":
    case "SCMP_ARCH_PARISC64":
    case "SCMP_ARCH_SH":
    case "SCMP_ARCH_SHEB":
      return undefined;
  }
}

/** Numbers in the order of callNames(); -1: there is none. */
export function numbersOf({ calls }: Architecture): readonly number[] {
  const numbers = tables
    .callNames()
    .split(" ")
    .map(() => -1);
  const pairs = calls();
  for (let i = 0; i < pairs.length; i += 2) numbers[pairs[i + 1]!] = pairs[i]!;
  return numbers;
}

/** Number of a function of socketcall(2) (linux/net.h) or ipc(2) (linux/ipc.h); undefined for other calls. */
export function multiplexed(name: string): { readonly by: "socketcall" | "ipc"; readonly call: number } | undefined {
  const socket = socketcalls.indexOf(` ${name} `);
  if (socket >= 0) return { by: "socketcall", call: wordsBefore(socketcalls, socket) + 1 };
  const ipc = ipcCalls.indexOf(` ${name} `);
  if (ipc < 0) return undefined;
  // 1 to 4 are semaphores, from 11 on messages, from 21 on shared memory.
  const word = wordsBefore(ipcCalls, ipc);
  return { by: "ipc", call: (word >> 2) * 10 + (word & 3) + 1 };
}

const socketcalls =
  " socket bind connect listen accept getsockname getpeername socketpair send recv sendto recvfrom shutdown setsockopt getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg ";
const ipcCalls = " semop semget semctl semtimedop msgsnd msgrcv msgget msgctl shmat shmdt shmget shmctl ";

function wordsBefore(list: string, at: number): number {
  let words = 0;
  for (let i = 1; i <= at; i++) if (list[i] === " ") words++;
  return words;
}
