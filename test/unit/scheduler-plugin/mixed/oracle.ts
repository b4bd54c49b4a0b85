import { everyChoice, possible, type Question, type Truth } from '../oracle.ts';

/**
 * What fits where zones, functions and pools count together, by trying everything: written from docs/placement.md, without a line of the scheduler's
 * own. Amounts of pools are GiB.
 */
export interface TrueNode {
  readonly name: string;
  readonly truth: Truth;
  /** Whether anybody tells the scheduler of its zones. */
  readonly told: boolean;
  /** Its agent offers the accelerator. */
  readonly offers: boolean;
  readonly hasImage: boolean;
  /** Controllers of the VMs there. */
  readonly owners: readonly string[];
}

export interface TruePool {
  readonly group: string;
  /** Nodes that can use it. */
  readonly nodes: readonly string[];
  /** When all that has a node is made. */
  readonly left: number;
  /** Of volumes that are told of and whose claims were not seen bound: whoever is careful counts these twice. */
  readonly ahead: number;
}

/** A new disk. */
export interface Disk {
  /** Of classes that share their pools; undefined: it is made wherever its driver likes. */
  readonly group: string | undefined;
  readonly gib: number;
}

/** A VM that passed a filter a moment ago: it goes to one of these nodes, and all its disks there. */
export interface PassedVm {
  readonly nodes: readonly string[];
  readonly disks: readonly Disk[];
}

export interface MixedQuestion extends Question {
  readonly owner: string;
  readonly disks: readonly Disk[];
  readonly storage?: string;
  readonly spread?: string;
  readonly image?: string;
  readonly mobility?: string;
}

export interface Cluster {
  readonly nodes: readonly TrueNode[];
  readonly pools: readonly TruePool[];
  readonly passed: readonly PassedVm[];
}

/** `either`: there is a way, and whoever counts twice what he cannot know better sees none. */
export type Answer = 'yes' | 'no' | 'either';

/** What is true of a node, and of its parts alone. */
export interface Found {
  readonly answer: Answer;
  readonly zones: boolean;
  readonly pools: Answer;
}

/** Of each node, in order, whether the VM can be there. */
export function answers(cluster: Cluster, question: MixedQuestion): readonly Found[] {
  const alone = cluster.nodes.map((node) => foundAlone(cluster, node, question));
  if (question.mobility !== 'require') return alone;
  const able = alone.map(({ answer }, at) => (cluster.nodes[at]!.told ? answer : 'no'));
  return alone.map((found, at) => ({ ...found, answer: movable(able, at) }));
}

/** Another node must be able to take it: all have the same CPU, and where nobody tells of it, nobody knows. */
function movable(able: readonly Answer[], at: number): Answer {
  const others = able.filter((_, other) => other !== at);
  if (able[at] === 'no' || others.every((one) => one === 'no')) return 'no';
  return others.includes('yes') ? able[at]! : 'either';
}

function foundAlone(cluster: Cluster, node: TrueNode, question: MixedQuestion): Found {
  const [zones, pools] = [zonesAnswer(node, question), poolsAnswer(cluster, node, question)];
  const image = question.image !== 'require' || node.hasImage;
  const spread = question.spread !== 'require' || !node.owners.includes(question.owner);
  return { answer: node.offers && zones && image && spread ? pools : 'no', zones, pools };
}

/** Zones and functions; where nobody tells of them, all but what the VM requires to know. */
function zonesAnswer({ truth, told }: TrueNode, question: Question): boolean {
  if (told) return possible(truth, question);
  const { kind, vfs, hugepages, numa, sriov } = question;
  const pages = kind !== 'plain' && hugepages === 'require';
  const functions = vfs.length > 0 && sriov === 'require';
  const networks = sriov !== 'ignore' && vfs.some(({ network }) => network !== undefined);
  return !pages && numa !== 'require' && !functions && !networks;
}

/** Whether the VM's new disks can be made there, wherever those go that passed before. */
function poolsAnswer(cluster: Cluster, { name }: TrueNode, { disks, storage }: MixedQuestion): Answer {
  if (storage === 'ignore') return 'yes';
  const asked = cluster.pools.filter((pool) => pool.nodes.includes(name));
  const holds = (careful: boolean): boolean =>
    asked.every((pool) => {
      const need = sizeOf(disks, pool.group);
      return need === 0 || need <= leastLeft(cluster, pool) - (careful ? pool.ahead : 0);
    });
  if (!holds(false)) return 'no';
  return holds(true) ? 'yes' : 'either';
}

/** What is left of the pool in the worst of all ways that those who passed can go. */
function leastLeft({ nodes, passed }: Cluster, pool: TruePool): number {
  let least = pool.left;
  everyChoice(passed.length, nodes.length, (choice) => {
    const going = passed.map((vm, index) => ({ vm, to: nodes[choice[index]!]!.name }));
    if (!going.every(({ vm, to }) => vm.nodes.includes(to))) return false;
    const here = going.filter(({ to }) => pool.nodes.includes(to));
    least = Math.min(least, pool.left - here.reduce((sum, { vm }) => sum + sizeOf(vm.disks, pool.group), 0));
    return false;
  });
  return least;
}

function sizeOf(disks: readonly Disk[], group: string): number {
  return disks.reduce((sum, disk) => sum + (disk.group === group ? disk.gib : 0), 0);
}
