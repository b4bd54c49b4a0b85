import type { KubeClient } from '../../kube/client.ts';
import { type KubeObject, nameOf } from '../../kube/objects.ts';
import { KINDS, pathOf } from '../../kube/paths.ts';
import { createReflector, type Reflector } from '../../kube/reflector.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { Random } from '../../runtime/random.ts';
import { isFresh, type Source, sourceOf } from '../sources/source.ts';
import { type Copies, type Copy, createCopies } from './copies.ts';
import { longhornReplica, longhornSharded, openebsVolume, topolvmVolume } from './drivers.ts';
import { LINSTOR_DRIVER, linstorVolume } from './linstor.ts';
import { createLinstorSource, type FetchJson, type LinstorOptions } from './linstor-source.ts';
import { LONGHORN_DRIVER } from './longhorn-nodes.ts';
import type { Locator } from './storage.ts';

/** What a source is made of. */
export interface SourceParts {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** How LINSTOR is asked; see {@link createLinstorSource}. */
export interface LinstorAccess {
  readonly url: string;
  readonly everyMs: number;
  readonly fetch: FetchJson;
}

/** Where the drivers we know say that volumes are, by CSI driver. */
export interface Locators {
  readonly locators: ReadonlyMap<string, Locator>;
  readonly sources: readonly Source[];
}

type TellRooms = LinstorOptions['tellRooms'];

/** Follows the objects of the drivers that are installed. `tellRooms`: of LINSTOR's nodes. */
export function createLocators(parts: SourceParts, tellRooms: TellRooms, access?: LinstorAccess): Locators {
  const longhorn = longhornLocator(parts);
  const topolvm = watchedLocator(parts, 'topolvm', { kind: 'topolvmVolumes', read: topolvmVolume });
  const openebs = watchedLocator(parts, 'openebs-volumes', { kind: 'openebsVolumes', read: openebsVolume });
  const all = [
    { driver: LONGHORN_DRIVER, ...longhorn },
    { driver: 'topolvm.io', ...topolvm },
    { driver: 'local.csi.openebs.io', ...openebs },
    ...(access === undefined ? [] : [{ driver: LINSTOR_DRIVER, ...linstorLocator(parts, tellRooms, access) }]),
  ];
  return { locators: new Map(all.map(({ driver, locator }) => [driver, locator])), sources: all.map(({ source }) => source) };
}

interface Located {
  readonly locator: Locator;
  readonly source: Source;
}

type KindName = keyof typeof KINDS;
type DriverReader = (raw: KubeObject) => Copy | undefined;

/** Objects that each tell of one copy. */
function copyWatch(
  parts: SourceParts,
  kind: KindName,
  { read, copies }: { readonly read: DriverReader; readonly copies: Copies },
): Reflector<Copy> {
  const path = pathOf(KINDS[kind]);
  return createReflector({ ...parts, path, mayBeAbsent: true, keep: read, onChange: (key, copy) => copies.set(key, copy) });
}

function watchedLocator(
  parts: SourceParts,
  name: string,
  { kind, read }: { readonly kind: KindName; readonly read: DriverReader },
): Located {
  const copies = createCopies();
  const source = sourceOf(name, copyWatch(parts, kind, { read, copies }));
  const nodes = (handle: string): readonly string[] | undefined => copies.nodes(handle);
  return { source, locator: { nodes, version: () => copies.version(), isFresh: () => isFresh(source, parts.clock.now()) } };
}

/** Volumes are named by their handle. One in shards has a whole copy nowhere. */
function longhornLocator(parts: SourceParts): Located {
  const copies = createCopies();
  const replicas = copyWatch(parts, 'longhornReplicas', { read: longhornReplica, copies });
  const inShards = new Set<string>();
  let changes = 0;
  const sharded = createReflector({
    ...parts,
    path: pathOf(KINDS.longhornVolumes),
    mayBeAbsent: true,
    keep: longhornSharded,
    onChange: (key, is) => {
      changes += 1;
      if (is === true) inShards.add(nameOf(key));
      else inShards.delete(nameOf(key));
    },
  });
  const source = sourceOf('longhorn', replicas, sharded);
  const nodes = (handle: string): readonly string[] | undefined => (inShards.has(handle) ? [] : copies.nodes(handle));
  const version = (): number => copies.version() + changes;
  return { source, locator: { nodes, version, isFresh: () => isFresh(source, parts.clock.now()) } };
}

function linstorLocator({ clock, log }: SourceParts, tellRooms: TellRooms, access: LinstorAccess): Located {
  const copies = createCopies();
  const source = createLinstorSource({ ...access, copies, tellRooms, clock, log });
  const nodes = (handle: string): readonly string[] | undefined => copies.nodes(linstorVolume(handle));
  return { source, locator: { nodes, version: () => copies.version(), isFresh: () => isFresh(source, clock.now()) } };
}
