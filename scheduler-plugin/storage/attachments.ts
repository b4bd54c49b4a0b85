import { createShared } from '../placement/shared.ts';

/** A VolumeAttachment (storage.k8s.io/v1). */
export interface Attachment {
  /** The PersistentVolume. */
  readonly volume: string;
  /** CSI driver. */
  readonly driver: string;
  readonly node: string;
  /** False: it is to be attached there, and has its place already. */
  readonly attached: boolean;
}

/** A VolumeAttachment as far as it is read. */
export interface AttachmentObject {
  readonly spec?: {
    readonly attacher?: string;
    readonly nodeName?: string;
    readonly source?: { readonly persistentVolumeName?: string };
  };
  readonly status?: { readonly attached?: boolean };
}

/** Makes a reader of VolumeAttachments; undefined = it is of no PersistentVolume. */
export function createAttachmentReader(): (object: AttachmentObject) => Attachment | undefined {
  const names = createShared<string>();
  const shared = (name: string): string => names(name, () => name);
  return ({ spec: { attacher = '', nodeName = '', source } = {}, status }) => {
    const volume = source?.persistentVolumeName ?? '';
    if (volume === '') return undefined;
    return { volume, driver: shared(attacher), node: shared(nodeName), attached: status?.attached === true };
  };
}

/** What is attached where. */
export interface Attachments {
  /** What an object tells; undefined = it is gone. */
  set(key: string, attachment: Attachment | undefined): void;
  /** Nodes that the volume is attached to now. */
  nodes(volume: string): readonly string[];
  /** All that is attached to the node, or to be. */
  on(node: string): readonly Attachment[];
}

/** Knows no attachment yet. */
export function createAttachments(): Attachments {
  const byKey = new Map<string, Attachment>();
  const byVolume = new Map<string, Attachment[]>();
  const byNode = new Map<string, Attachment[]>();
  return {
    set: (key, attachment) => {
      const before = byKey.get(key);
      if (before !== undefined) {
        leave(byVolume, before.volume, before);
        leave(byNode, before.node, before);
      }
      if (attachment === undefined) {
        byKey.delete(key);
        return;
      }
      byKey.set(key, attachment);
      join(byVolume, attachment.volume, attachment);
      join(byNode, attachment.node, attachment);
    },
    nodes: (volume) => byVolume.get(volume)?.flatMap(({ node, attached }) => (attached ? [node] : [])) ?? NONE,
    on: (node) => byNode.get(node) ?? NONE,
  };
}

const NONE: readonly never[] = [];

function join(lists: Map<string, Attachment[]>, name: string, one: Attachment): void {
  const list = lists.get(name);
  if (list === undefined) lists.set(name, [one]);
  else list.push(one);
}

function leave(lists: Map<string, Attachment[]>, name: string, one: Attachment): void {
  const list = lists.get(name) ?? [];
  const at = list.indexOf(one);
  if (at >= 0) list.splice(at, 1);
  if (list.length === 0) lists.delete(name);
}
