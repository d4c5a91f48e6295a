/**
 * The files of this project as the layout checks see them: path and text, without generated ones.
 * @module
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's directory. */
export const root: string = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

export interface Source {
  /** relative to the project's directory */
  readonly path: string;
  readonly text: string;
}

const folders = ["src", "syscalls", "build", "test"];

/** Every file in our folders for which `wanted` holds. */
export function sources(wanted: (path: string) => boolean): Source[] {
  return folders
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1)),
    )
    .filter((path) => !path.startsWith("syscalls/generated/") && wanted(path))
    .toSorted()
    .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));
}

export const isScript = (path: string): boolean => /\.(ts|mjs)$/.test(path);
export const isC = (path: string): boolean => /\.(c|h)$/.test(path);
