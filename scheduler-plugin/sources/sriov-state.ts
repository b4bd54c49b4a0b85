import { isRecord } from '../../runtime/record.ts';

/** A physical function as sriov-network-operator configured it. */
export interface ConfiguredFunction {
  /** PCI address. */
  readonly address: string;
  /** Resource of the device plugin, without its prefix, which only the operator's own environment tells. */
  readonly resource: string;
  readonly linkUp: boolean;
  /** VFs it has for that resource. */
  readonly vfs: number;
}

/** More than a machine has slots for. */
const MOST_FUNCTIONS = 64;
const RANGE = /^(?:[^#]*#)?(\d{1,4})-(\d{1,4})$/;

/**
 * Reads a SriovNetworkNodeState (sriovnetwork.openshift.io/v1): `spec.interfaces[].vfGroups[]` says which resource the functions are for,
 * `status.interfaces[]` how many were made and whether the link is up. It has no NUMA zone, and nothing fills in which functions are in use. Total.
 */
export function configuredFunctions(raw: Readonly<Record<string, unknown>>): readonly ConfiguredFunction[] {
  const made = new Map(interfacesOf(raw['status']).map((one) => [one.pciAddress, one]));
  return interfacesOf(raw['spec'])
    .flatMap((wanted) => {
      const real = made.get(wanted.pciAddress);
      if (real === undefined) return [];
      return groupsOf(wanted).map(({ resource, vfs }) => ({
        address: wanted.pciAddress,
        resource,
        linkUp: real.linkAdminState !== 'down',
        vfs: Math.min(vfs, typeof real.numVfs === 'number' ? real.numVfs : 0),
      }));
    })
    .slice(0, MOST_FUNCTIONS);
}

type Interface = Readonly<Record<string, unknown>> & { readonly pciAddress: string };

function interfacesOf(part: unknown): readonly Interface[] {
  const list: readonly unknown[] = isRecord(part) && Array.isArray(part.interfaces) ? part.interfaces : [];
  return list.filter((one): one is Interface => isRecord(one) && typeof one.pciAddress === 'string');
}

function groupsOf({ vfGroups }: Interface): readonly { readonly resource: string; readonly vfs: number }[] {
  const groups: readonly unknown[] = Array.isArray(vfGroups) ? vfGroups : [];
  return groups.flatMap((group) => {
    if (!isRecord(group) || typeof group.resourceName !== 'string') return [];
    const [, first, last] = RANGE.exec(typeof group.vfRange === 'string' ? group.vfRange : '') ?? [];
    return [{ resource: group.resourceName, vfs: first === undefined ? 0 : Math.max(0, Number(last) - Number(first) + 1) }];
  });
}
