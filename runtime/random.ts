/** Randomness as an argument: a number in [0, 1). */
export type Random = () => number;

/** The machine's (not cryptographic) randomness, for jitter. */
export const realRandom: Random = () => Math.random();
