/** That a volume has, or had, a copy on a node. */
export interface Copy {
  /** As its driver names it. */
  readonly volume: string;
  /** '' = the copy cannot be used now. */
  readonly node: string;
}

/** Where volumes of one driver have copies. */
export interface Copies {
  /** What an object tells; undefined = it is gone. */
  set(key: string, copy: Copy | undefined): void;
  /** Nodes with a usable copy; undefined = the volume is not known. */
  nodes(volume: string): readonly string[] | undefined;
  /** Grows with every change. */
  version(): number;
}

/** Knows no volume yet. */
export function createCopies(): Copies {
  const byKey = new Map<string, Copy>();
  const byVolume = new Map<string, Copy[]>();
  let version = 0;
  const forget = (copy: Copy): void => {
    const left = (byVolume.get(copy.volume) ?? []).filter((one) => one !== copy);
    if (left.length === 0) byVolume.delete(copy.volume);
    else byVolume.set(copy.volume, left);
  };
  return {
    set: (key, copy) => {
      const before = byKey.get(key);
      if (before !== undefined && before.volume === copy?.volume && before.node === copy.node) return;
      version += 1;
      if (before !== undefined) forget(before);
      if (copy === undefined) {
        byKey.delete(key);
        return;
      }
      byKey.set(key, copy);
      byVolume.set(copy.volume, [...(byVolume.get(copy.volume) ?? []), copy]);
    },
    nodes: (volume) => byVolume.get(volume)?.flatMap(({ node }) => (node === '' ? [] : [node])),
    version: () => version,
  };
}
