/**
 * Text of paths: inside the container and on the host. In: paths as config.json has them. Out: paths as calls want them.
 * Nothing here makes a path safe: in-root paths are resolved by the kernel (openat2 with RESOLVE_IN_ROOT).
 * @module
 */

/** The path without "//", "/./", "x/.." and without leading or trailing slashes: "" is the root itself. */
export function inRoot(path: string): string {
  // The common case has nothing to clean, and this runs for every path of a plan.
  if (!path.includes("//") && !path.includes("/.") && !path.endsWith("/")) {
    return path.startsWith("/") ? path.slice(1) : cleaned(path);
  }
  return cleaned(path);
}

function cleaned(path: string): string {
  const steps: string[] = [];
  for (const step of path.split("/")) {
    if (step === "..") steps.pop();
    else if (step !== "" && step !== ".") steps.push(step);
  }
  return steps.join("/");
}

/** "a/b" of "a/b/c", "" of "a". */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

/** "c" of "a/b/c". */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** A host path: absolute as it is, else below the directory. */
export function below(directory: string, path: string): string {
  return path.startsWith("/") ? path : `${directory}/${path}`;
}

/** Whether an in-root path is the other or lies below it. */
export function isWithin(path: string, ancestor: string): boolean {
  return ancestor === "" || path === ancestor || path.startsWith(`${ancestor}/`);
}
