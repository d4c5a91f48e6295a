/**
 * How many times as long as usual everything may take: BUNKER_TEST_PATIENCE, which an emulated machine sets.
 * @module
 */
export const patience = Number(process.env["BUNKER_TEST_PATIENCE"] ?? 1);
