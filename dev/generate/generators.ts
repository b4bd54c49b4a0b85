import { annotationsPage } from './annotations.ts';

/** A committed file that is made from source. */
export interface Generator {
  /** Path from the project's root. */
  readonly file: string;
  /** Its text, before prettier. */
  readonly text: () => string;
}

/** Every generated file. */
export const GENERATORS: readonly Generator[] = [{ file: 'docs/reference/annotations.md', text: annotationsPage }];
