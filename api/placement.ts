import { type Static, Type } from '@sinclair/typebox';

/**
 * The placement family of annotations, `placement.podvisor.dev/DIMENSION: require | prefer[=weight] | ignore`: grammar, defaults, and how
 * the GuestSpec carries it. What each word means for each dimension is in docs/placement.md.
 */

/** Dimensions the scheduler decides by. */
export const DIMENSIONS = ['hugepages', 'numa', 'sriov', 'storage', 'spread', 'mobility', 'image'] as const;
export type Dimension = (typeof DIMENSIONS)[number];

export const MAX_WEIGHT = 10;
const VALUE = '^(require|ignore|prefer|prefer=([1-9]|10))$';

const setting = (dimension: Dimension) =>
  Type.Optional(Type.String({ pattern: VALUE, description: `Wish for ${dimension}; its default without.` }));

/** In the GuestSpec: what the user said, as written. */
export const Placement = Type.Object(
  {
    hugepages: setting('hugepages'),
    numa: setting('numa'),
    sriov: setting('sriov'),
    storage: setting('storage'),
    spread: setting('spread'),
    mobility: setting('mobility'),
    image: setting('image'),
  },
  { additionalProperties: false, description: 'Wishes of the placement annotations.' },
);
export type Placement = Static<typeof Placement>;

/** A wish, with defaults filled in. */
export interface Wish {
  readonly mode: 'require' | 'prefer' | 'ignore';
  /** Weight of the dimension's score, 0..10; 0 = it does not count. */
  readonly weight: number;
  /** False: nobody asked, this is the default. */
  readonly said: boolean;
}

/** Weights of the scores that nobody tuned. What hurts a running guest most weighs most. */
export const DEFAULT_WEIGHTS: Readonly<Record<Dimension, number>> = {
  hugepages: 3,
  numa: 2,
  sriov: 2,
  storage: 3,
  spread: 2,
  mobility: 1,
  image: 1,
};

/** Whether a text is a wish. */
export function isWish(text: string): boolean {
  return new RegExp(VALUE).test(text);
}

/** The wish for a dimension; undefined = nothing was said. `text` has been checked. */
export function readWish(dimension: Dimension, text: string | undefined): Wish {
  const weight = DEFAULT_WEIGHTS[dimension];
  if (text === undefined) return { mode: 'prefer', weight, said: false };
  const [mode = '', given] = text.split('=');
  if (mode === 'ignore') return { mode, weight: 0, said: true };
  return { mode: mode === 'require' ? 'require' : 'prefer', weight: given === undefined ? weight : Number(given), said: true };
}
