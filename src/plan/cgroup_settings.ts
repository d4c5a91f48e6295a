/**
 * Setting: one file of a cgroup to write, with the value of config.json that asks for it.
 * @module
 */

/** What to do where the kernel has no such file. */
export interface Otherwise {
  /** Why that is right; said in the debug log. */
  readonly why: string;
  /** Write this one instead; absent: leave it. */
  readonly instead?: { readonly file: string; readonly text: string };
}

export interface Setting {
  /** Controller that the file belongs to; "": the kernel's own cgroup.* files. */
  readonly controller: string;
  readonly file: string;
  readonly text: string;
  /** JSON Pointer below `resources`: "/memory/limit". */
  readonly pointer: string;
  /** A new cgroup has this value anyway: where nothing keeps such limits, nothing is missing. */
  readonly isDefault?: boolean;
  readonly otherwise?: Otherwise;
  /** Tried before the next one that is not, and again after it: which order fits depends on the values in force. */
  readonly isEarly?: boolean;
}

/** Limits in force, where a cgroup that exists is changed. */
export interface CurrentLimits {
  /** v1 memory.limit_in_bytes, v2 memory.max; bytes, Infinity: none. */
  readonly memory: number;
  /** v2: the first word of cpu.max. */
  readonly quota: string;
}

/** Notes what this version of cgroups cannot do. @param pointer below `resources` */
export type Refuse = (pointer: string, message: string) => void;

/** Collects one setting. */
export type AddSetting = (
  controller: string,
  file: string,
  text: string,
  pointer: string,
  more?: Pick<Setting, "isDefault" | "otherwise" | "isEarly">,
) => void;
