import { isRecord } from '../../runtime/record.ts';

/** A physical function as sriov-network-operator configured it. */
export interface ConfiguredFunction {
  /** PCI address. */
  readonly address: string;
  /** Resource of the device plugin, without its prefix, which only the operator's own environment tells. */
  readonly resource: string;
  readonly linkUp: boolean;
  /** VFs it has for that resource; fewer than its range while not all were made. */
  readonly vfs: number;
}

/** More than a machine has slots for. */
const MOST_FUNCTIONS = 64;
const RANGE = /^(?:[^#]*#)?(\d{1,4})-(\d{1,4})$/;

/**
 * Reads a SriovNetworkNodeState (sriovnetwork.openshift.io/v1): `spec.interfaces[].vfGroups[]` says which resource the functions are for,
 * `status.interfaces[]` how many were made, numbered from 0, and whether the link was put up. It has no NUMA zone, and nothing fills in which functions are in use. Total.
 */
export function configuredFunctions(raw: Readonly<Record<string, unknown>>): readonly ConfiguredFunction[] {
  const states = new Map(interfacesOf(raw['status']).map((one) => [one.pciAddress, one]));
  return interfacesOf(raw['spec'])
    .flatMap((wanted) => {
      const real = states.get(wanted.pciAddress);
      if (real === undefined) return [];
      const made = typeof real.numVfs === 'number' ? real.numVfs : 0;
      return groupsOf(wanted).map(({ resource, first, last }) => ({
        address: wanted.pciAddress,
        resource,
        linkUp: real.linkAdminState !== 'down',
        vfs: Math.max(0, Math.min(last, made - 1) - first + 1),
      }));
    })
    .slice(0, MOST_FUNCTIONS);
}

type Interface = Readonly<Record<string, unknown>> & { readonly pciAddress: string };

function interfacesOf(part: unknown): readonly Interface[] {
  const list: readonly unknown[] = isRecord(part) && Array.isArray(part.interfaces) ? part.interfaces : [];
  return list.filter((one): one is Interface => isRecord(one) && typeof one.pciAddress === 'string');
}

/** The VFs of the physical function, by number, that are for one resource; none without a range. */
interface Group {
  readonly resource: string;
  readonly first: number;
  readonly last: number;
}

function groupsOf({ vfGroups }: Interface): readonly Group[] {
  const groups: readonly unknown[] = Array.isArray(vfGroups) ? vfGroups : [];
  return groups.flatMap((group) => {
    if (!isRecord(group) || typeof group.resourceName !== 'string') return [];
    const [, first = '0', last = '-1'] = RANGE.exec(typeof group.vfRange === 'string' ? group.vfRange : '') ?? [];
    return [{ resource: group.resourceName, first: Number(first), last: Number(last) }];
  });
}
