import { readStoredGuest } from '../../api/parse-stored.ts';
import type { Pod } from '../../api/pod.ts';
import type { UsedVm } from '../../policy/types.ts';

/** What is remembered of a VM pod, and nothing else of it: a pod is 6 KB, this is its labels and two numbers. */
export interface CountedVm extends UsedVm {
  readonly uid: string;
  readonly namespace: string;
}

/** Reads a raw Pod; undefined = it does not count: it has ended, or is no VM. */
export function countedVm(raw: Pod): CountedVm | undefined {
  const { metadata, status } = raw;
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return undefined;
  const stored = readStoredGuest(raw);
  if (!stored.ok) return undefined;
  const { uid = '', namespace = '', labels = {} } = metadata;
  return { uid, namespace, labels, vcpus: stored.guest.vcpus, memoryBytes: stored.guest.memoryBytes };
}

/** How long an admitted pod counts that the watch has not shown. It may never come: something after us may have refused it. */
export const ADMITTED_MS = 10_000;

/** VM pods by namespace: those the watch has shown, and those this replica admitted a moment ago. */
export interface Usage {
  /** A change of the watch, by its key. */
  readonly change: (key: string, vm: CountedVm | undefined) => void;
  /** This replica admitted it; `now` in milliseconds. */
  readonly admitted: (vm: CountedVm, now: number) => void;
  /** What counts in a namespace, the pod with this uid left out. */
  readonly inNamespace: (namespace: string, exceptUid: string, now: number) => readonly UsedVm[];
}

interface Admitted {
  readonly vm: CountedVm;
  readonly until: number;
}

export function createUsage(): Usage {
  const byNamespace = new Map<string, Map<string, CountedVm>>();
  let recent: readonly Admitted[] = [];
  const seen = (namespace: string): Map<string, CountedVm> => {
    const known = byNamespace.get(namespace) ?? new Map<string, CountedVm>();
    byNamespace.set(namespace, known);
    return known;
  };
  return {
    change: (key, vm) => {
      const namespace = key.split('/', 1)[0] ?? '';
      if (vm === undefined) seen(namespace).delete(key);
      else seen(namespace).set(key, vm);
      if (seen(namespace).size === 0) byNamespace.delete(namespace);
      recent = recent.filter((one) => one.vm.uid !== vm?.uid);
    },
    admitted: (vm, now) => {
      recent = [...recent.filter((one) => one.until > now && one.vm.uid !== vm.uid), { vm, until: now + ADMITTED_MS }];
    },
    inNamespace: (namespace, exceptUid, now) => {
      const waiting = recent.filter(({ vm, until }) => vm.namespace === namespace && until > now).map(({ vm }) => vm);
      const shown = byNamespace.get(namespace)?.values() ?? [];
      return [...shown, ...waiting].filter(({ uid }) => uid !== exceptUid);
    },
  };
}
