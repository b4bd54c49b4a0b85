/** How many VM pods are bound to each node, kept up to date pod by pod. */
export interface VmCounts {
  /** Notes where the pod is; undefined = nowhere any more. */
  set(pod: string, node: string | undefined): void;
  on(node: string): number;
}

export function createVmCounts(): VmCounts {
  const nodeOf = new Map<string, string>();
  const counts = new Map<string, number>();
  const add = (node: string, change: number): void => {
    const next = (counts.get(node) ?? 0) + change;
    if (next === 0) counts.delete(node);
    else counts.set(node, next);
  };
  return {
    set(pod, node) {
      const before = nodeOf.get(pod);
      if (before === node) return;
      if (before !== undefined) add(before, -1);
      if (node === undefined) nodeOf.delete(pod);
      else {
        nodeOf.set(pod, node);
        add(node, 1);
      }
    },
    on: (node) => counts.get(node) ?? 0,
  };
}
