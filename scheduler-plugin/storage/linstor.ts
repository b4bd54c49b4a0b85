import { isRecord } from '../../runtime/record.ts';
import type { Copy } from './copies.ts';

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
