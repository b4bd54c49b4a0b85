import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';

/** A tree of small kernel files (sysfs, procfs). What is not there reads as nothing: hardware differs, and devices go while they are looked at. */
export interface Tree {
  /** Content without the white space around it; '' = no such file, or it cannot be read. */
  text(path: string): string;
  /** Entries of a directory, sorted; none when there is no such directory. */
  names(path: string): readonly string[];
  /** Last part of what a symbolic link points to; '' = no such link. */
  target(path: string): string;
}

/** The tree below a directory. */
export function treeAt(root: string): Tree {
  const attempt = <T>(read: () => T, otherwise: T): T => {
    try {
      return read();
    } catch {
      return otherwise;
    }
  };
  return {
    text: (path) => attempt(() => readFileSync(join(root, path), 'utf8').trim(), ''),
    names: (path) => attempt(() => readdirSync(join(root, path)).sort(), []),
    target: (path) => attempt(() => basename(readlinkSync(join(root, path))), ''),
  };
}

/** A whole number in decimal; undefined = the text is none. */
export function wholeNumber(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
