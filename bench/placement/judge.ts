import { possible, type Question } from '../../test/unit/scheduler-plugin/oracle.ts';
import type { FreeNode, Vm } from './cluster.ts';

/** A VM in the end: its node and the place planned there, in the order of binding; without a node it waits. */
export interface Outcome {
  readonly vm: Vm;
  readonly node: string | undefined;
  readonly plan: Plan | undefined;
}

interface Plan {
  readonly zones: readonly { readonly id: number; readonly cpus: number; readonly amount: number }[];
  readonly functions: readonly string[];
}

/** How many VMs are where they can run, where they cannot, wait though a node has room, and wait because none has. */
export interface Score {
  readonly right: number;
  readonly wrong: number;
  readonly missed: number;
  readonly waiting: number;
}

/**
 * Gives each VM its place in the order they were bound, and says of each what the brute-force oracle says. A VM without a plan is given the best
 * place there is, which is more than kernel and kubelet promise; a plan that takes what is not there is wrong.
 */
export function judge(nodes: readonly FreeNode[], outcomes: readonly Outcome[]): Score {
  const byName = new Map(structuredClone(nodes).map((node) => [node.name, node]));
  let right = 0;
  const bound = outcomes.filter(({ node }) => node !== undefined);
  for (const { vm, node = '', plan } of bound) {
    const there = byName.get(node);
    if (there === undefined || !possible(there, vm.question)) continue;
    const place = plan ?? bestPlace(there, vm.question);
    if (place !== undefined && take(there, place, vm.question)) right += 1;
  }
  const waiting = outcomes.filter(({ node }) => node === undefined);
  const missed = waiting.filter(({ vm }) => [...byName.values()].some((node) => possible(node, vm.question))).length;
  return { right, wrong: bound.length - right, missed, waiting: waiting.length - missed };
}

/** The fullest zone that will do, and the cards with most VFs. */
function bestPlace({ zones, functions }: FreeNode, { amount, vcpus, dedicated, vfs }: Question): Plan | undefined {
  const cpus = dedicated ? vcpus : 0;
  const fitting = zones.filter((zone) => zone['2Mi'] >= amount && zone.cpus >= cpus);
  const [zone] = fitting.sort((a, b) => a['2Mi'] - b['2Mi']);
  const cards = functions.filter((one) => one.linkUp && one.vfs > 0).sort((a, b) => b.vfs - a.vfs);
  if (zone === undefined || cards.length < vfs.length) return undefined;
  return { zones: [{ id: zone.id, cpus, amount }], functions: cards.slice(0, vfs.length).map(({ address }) => address) };
}

/** Takes it, if all of it is there. */
function take(node: FreeNode, { zones, functions }: Plan, { amount, vfs }: Question): boolean {
  const zoneOf = (id: number) => node.zones.find((zone) => zone.id === id);
  const holds = zones.every((part) => {
    const zone = zoneOf(part.id);
    return zone !== undefined && zone['2Mi'] >= part.amount && zone.cpus >= part.cpus;
  });
  const cards = functions.map((address) => node.functions.find((one) => one.address === address));
  const isWhole = zones.reduce((sum, part) => sum + part.amount, 0) === amount && cards.length === vfs.length;
  if (!holds || !isWhole || cards.some((card) => card === undefined || card.vfs < 1)) return false;
  for (const { id, cpus, amount: pages } of zones) {
    const zone = zoneOf(id);
    if (zone === undefined) continue;
    zone.cpus -= cpus;
    zone['2Mi'] -= pages;
  }
  for (const card of cards) if (card !== undefined) card.vfs -= 1;
  return true;
}
