/**
 * Which unit of systemd's a container is, and where its cgroup lies. Pure.
 * In: `linux.cgroupsPath` in systemd's form, the container's id. Out: Unit.
 *
 * Spec: config-linux.md#cgroups-path leaves the form to the runtime: "SLICE:PREFIX:NAME", as runc's and crun's
 * systemd: systemd.unit(5) for names; systemd.slice(5): a dash in a slice's name is a level: a-b.slice lies in a.slice
 * @module
 */
import type { Context } from "./context.ts";

/** A unit of systemd's. */
export interface Unit {
  /** "libpod-web.scope" */
  readonly name: string;
  /** "machine.slice"; the one that a slice itself is in by its name. */
  readonly slice: string;
  /** Of its cgroup, from systemd's own top on: "machine.slice/libpod-web.scope". */
  readonly path: string;
  /** systemd keeps processes in scopes, not in slices. */
  readonly isSlice: boolean;
}

const pointer = "/linux/cgroupsPath";

/** systemd's limit on names (UNIT_NAME_MAX). */
const maxName = 255;

/** The container's unit; undefined: refused. */
export function unitOf(c: Context, isUser: boolean): Unit | undefined {
  const asked = c.spec.linux?.cgroupsPath ?? "";
  const defaultSlice = isUser ? "user.slice" : "system.slice";
  const parts = asked === "" ? [defaultSlice, "bunker", escaped(c.options.id)] : asked.split(":");
  const [slice = "", prefix = "", last = ""] = parts;
  if (parts.length !== 3 || last === "") {
    c.plan.refuse(pointer, `Expected "SLICE:PREFIX:NAME" for the systemd cgroup driver but received "${asked}"`);
    return undefined;
  }
  if (last.endsWith(".slice")) {
    const place = slicePath(last);
    if (place === undefined || place === "") return refuseName(c, last);
    const slash = place.lastIndexOf("/");
    const parent = slash < 0 ? "-.slice" : nameIn(place.slice(0, slash));
    return { name: last, slice: parent, path: place, isSlice: true };
  }
  const name = prefix === "" ? `${last}.scope` : `${prefix}-${last}.scope`;
  if (!/^[A-Za-z0-9:_.\\@-]+$/.test(name) || name.length > maxName) return refuseName(c, name);
  const inSlice = slice === "" ? defaultSlice : slice;
  const place = slicePath(inSlice);
  if (place === undefined) return refuseName(c, inSlice);
  return { name, slice: inSlice, path: place === "" ? name : `${place}/${name}`, isSlice: false };
}

function refuseName(c: Context, name: string): undefined {
  c.plan.refuse(pointer, `"${name}" is no name of a unit (systemd.unit(5))`);
  return undefined;
}

const nameIn = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** "a.slice/a-b.slice" of "a-b.slice"; "" of "-.slice", the root; undefined: no name of a slice. */
export function slicePath(name: string): string | undefined {
  if (name === "-.slice") return "";
  if (!/^[A-Za-z0-9:_.\\@]+(?:-[A-Za-z0-9:_.\\@]+)*\.slice$/.test(name) || name.length > maxName) return undefined;
  let path = "";
  const stem = name.slice(0, -".slice".length);
  for (let dash = stem.indexOf("-"); dash >= 0; dash = stem.indexOf("-", dash + 1)) {
    path += `${stem.slice(0, dash)}.slice/`;
  }
  return path + name;
}

/** Container ids may have a "+", names of units not (systemd-escape(1)). */
const escaped = (id: string): string => id.replaceAll("+", "\\x2b");
