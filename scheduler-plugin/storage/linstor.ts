import { isRecord } from '../../runtime/record.ts';
import type { Copy } from './copies.ts';
import type { GroupRoom } from './pools.ts';

/** Flags of a LINSTOR resource that has no data of its own. */
const WITHOUT_DATA = ['DISKLESS', 'DRBD_DISKLESS', 'TIE_BREAKER'];

/**
 * What LINSTOR's `GET /v1/view/resources` tells: of each volume of each resource, whether its node has it whole. By a key of its own; volumes
 * are named `resource/number`. Total: what is odd is left out; undefined = this is no such list.
 */
export function linstorCopies(view: unknown): ReadonlyMap<string, Copy> | undefined {
  if (!Array.isArray(view)) return undefined;
  const found = new Map<string, Copy>();
  for (const resource of view as readonly unknown[]) {
    for (const { volume, node, usable } of isRecord(resource) ? volumesOf(resource) : []) {
      found.set(`${volume}/${node}`, { volume, node: usable ? node : '' });
    }
  }
  return found;
}

function volumesOf(resource: Readonly<Record<string, unknown>>): readonly { volume: string; node: string; usable: boolean }[] {
  const { name, node_name: node, flags, volumes } = resource;
  if (typeof name !== 'string' || typeof node !== 'string' || !Array.isArray(volumes)) return [];
  const isDiskless = Array.isArray(flags) && flags.some((flag) => WITHOUT_DATA.includes(String(flag)));
  const states = (volumes as readonly unknown[]).map(volumeState);
  return states.map(({ number, upToDate }) => ({ volume: `${name}/${number}`, node, usable: upToDate && !isDiskless }));
}

/** Number 0 is left out of the answer. */
function volumeState(volume: unknown): { number: number; upToDate: boolean } {
  const { volume_number: number, state } = isRecord(volume) ? volume : {};
  const disk = isRecord(state) ? state['disk_state'] : undefined;
  return { number: typeof number === 'number' ? number : 0, upToDate: disk === 'UpToDate' };
}

/** The volume that a handle of LINSTOR's CSI driver means: `resource`, or `resource/number`. */
export function linstorVolume(handle: string): string {
  return handle.includes('/') ? handle : `${handle}/0`;
}

/** CSI driver of LINSTOR, and the namespace of its parameters. */
export const LINSTOR_DRIVER = 'linstor.csi.linbit.com';

/** Group of classes that take from one storage pool of each node. */
export function linstorGroup(pool: string): string {
  return `${LINSTOR_DRIVER}/${pool}`;
}

/**
 * The one storage pool that volumes of a class are in on their VM's node; undefined = there are several, they may be on other nodes, or their room is not what is
 * free. Names of parameters count without their namespace and without case (linstor-csi 1.6.4, pkg/volume/parameter.go; its GetCapacity in pkg/client/linstor.go).
 */
export function linstorPool(parameters: Readonly<Record<string, string>>): string | undefined {
  const own = Object.entries(parameters).flatMap(([name, value]) => {
    const [namespace, key] = name.includes('/') ? name.split('/', 2) : ['', name];
    return namespace === '' || namespace === LINSTOR_DRIVER ? [[(key ?? '').toLowerCase(), value] as const] : [];
  });
  const { storagepool = '', allowremotevolumeaccess = '', ...others } = Object.fromEntries(own);
  const isElsewhere = ['nodelist', 'clientlist', 'overprovision'].some((name) => name in others);
  const isLocal = FALSE.includes(allowremotevolumeaccess) && !isElsewhere;
  return isLocal && storagepool !== '' && !storagepool.includes(' ') ? storagepool : undefined;
}

/** What Go's strconv.ParseBool takes for false. */
const FALSE = ['0', 'f', 'F', 'false', 'FALSE', 'False'];

/**
 * What LINSTOR's `GET /v1/view/storage-pools` tells, by node (fields of golinstor 0.56, client/node.go; capacities are KiB). A pool that shares its room with other nodes,
 * or of which nothing is known as its satellite is away, tells nothing. Total; undefined = this is no such list.
 */
export function linstorRooms(view: unknown): ReadonlyMap<string, readonly GroupRoom[]> | undefined {
  if (!Array.isArray(view)) return undefined;
  const rooms = new Map<string, GroupRoom[]>();
  for (const pool of view as readonly unknown[]) {
    const room = isRecord(pool) ? roomOf(pool) : undefined;
    if (room !== undefined) rooms.set(room.node, [...(rooms.get(room.node) ?? []), { group: room.group, bytes: room.bytes }]);
  }
  return rooms;
}

function roomOf(pool: Readonly<Record<string, unknown>>): (GroupRoom & { readonly node: string }) | undefined {
  const { storage_pool_name: name, node_name: node, provider_kind: kind, free_capacity: free, shared_space: shared = '' } = pool;
  if (typeof name !== 'string' || typeof node !== 'string' || typeof free !== 'number') return undefined;
  if (kind === 'DISKLESS' || shared !== '') return undefined;
  return { node, group: linstorGroup(name), bytes: Math.max(0, free) * 1024 };
}
