/**
 * Version, commit and supported specification. The build defines BUNKER_VERSION and BUNKER_COMMIT; from source they
 * are unset. Output: plain text.
 * @module
 */
declare const BUNKER_VERSION: string | undefined;
declare const BUNKER_COMMIT: string | undefined;

/** Newest runtime-spec this version follows. */
export const specVersion = "1.3.0";
export const version: string = typeof BUNKER_VERSION === "undefined" ? "0.1.0-source" : BUNKER_VERSION;
export const commit: string = typeof BUNKER_COMMIT === "undefined" ? "unknown" : BUNKER_COMMIT;

/** What --version prints: callers split the first line on the word "version". */
export function versionText(): string {
  return `bunker version ${version}\ncommit: ${commit}\nspec: ${specVersion}\n`;
}
