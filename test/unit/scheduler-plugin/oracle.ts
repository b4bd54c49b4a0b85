/**
 * What fits, by trying everything: written from docs/placement.md, without a line of the scheduler's own. A node's truth is what its VMs really
 * hold or are going to; no report, no claims.
 */

export interface TrueZone {
  readonly id: number;
  readonly cpus: number;
  readonly '2Mi': number;
  readonly '1Gi': number;
  readonly plain: number;
}
export interface TrueFunction {
  readonly address: string;
  readonly zone: number | undefined;
  readonly resource: string;
  readonly network: string | undefined;
  readonly linkUp: boolean;
  readonly vfs: number;
}
export interface Truth {
  readonly zones: readonly TrueZone[];
  readonly functions: readonly TrueFunction[];
}

export interface Question {
  readonly kind: '2Mi' | '1Gi' | 'plain';
  readonly amount: number;
  readonly cells: number;
  readonly vcpus: number;
  readonly dedicated: boolean;
  readonly isolate: boolean;
  readonly vfs: readonly { readonly resource: string; readonly network?: string }[];
  readonly hugepages?: string;
  readonly numa?: string;
  readonly sriov?: string;
}

/** Whether there is any way at all. */
export function possible(node: Truth, ask: Question): boolean {
  const together = ask.numa === 'require';
  if (!together) return memoryPossible(node, ask) && functionsPossible(node, ask, undefined);
  return everyChoice(ask.cells, node.zones.length, (choice) => {
    if (!zonesHold(node, ask, choice)) return false;
    return functionsPossible(node, ask, new Set(choice.map((at) => node.zones[at]!.id)));
  });
}

function memoryPossible(node: Truth, ask: Question): boolean {
  if (ask.kind === 'plain' || ask.hugepages === 'ignore') return true;
  if (ask.hugepages?.startsWith('prefer') === true)
    return node.zones.reduce((sum, zone) => sum + zone[ask.kind], 0) >= ask.amount;
  return everyChoice(ask.cells, node.zones.length, (choice) =>
    node.zones.every((zone, at) => (ask.amount / ask.cells) * countOf(choice, at) <= zone[ask.kind]),
  );
}

/** Memory and CPUs of each cell in its zone, and QEMU's own CPU in a zone of some cell. */
function zonesHold({ zones }: Truth, ask: Question, choice: readonly number[]): boolean {
  const amount = ask.kind !== 'plain' && ask.hugepages === 'ignore' ? 0 : ask.amount / ask.cells;
  const cpus = ask.dedicated ? ask.vcpus / ask.cells : 0;
  const used = zones.map((zone, at) => ({ zone, cells: countOf(choice, at) })).filter(({ cells }) => cells > 0);
  if (used.some(({ zone, cells }) => amount * cells > zone[ask.kind] || cpus * cells > zone.cpus)) return false;
  return !(ask.isolate && ask.dedicated) || used.some(({ zone, cells }) => zone.cpus - cpus * cells >= 1);
}

function functionsPossible(node: Truth, ask: Question, near: ReadonlySet<number> | undefined): boolean {
  if (ask.vfs.length === 0 || ask.sriov === 'ignore') return true;
  const isRequired = ask.sriov === 'require';
  const known = new Set(node.functions.map(({ resource }) => resource));
  const isNetworkSaid = ask.vfs.some(({ network }) => network !== undefined);
  if (!isRequired && !isNetworkSaid && ask.vfs.some(({ resource }) => !known.has(resource))) return true;
  return everyChoice(ask.vfs.length, node.functions.length, (choice) => {
    const fits = ask.vfs.every(({ resource, network }, index) => {
      const offer = node.functions[choice[index]!]!;
      if (offer.resource !== resource || (network !== undefined && offer.network !== network)) return false;
      if (isRequired && !offer.linkUp) return false;
      return near === undefined || offer.zone === undefined || near.has(offer.zone);
    });
    return fits && node.functions.every(({ vfs }, at) => countOf(choice, at) <= (isRequired ? Math.min(1, vfs) : vfs));
  });
}

/** A plan as the scheduler makes it. */
interface Place {
  readonly zones: readonly { readonly id: number; readonly cpus: number; readonly amount: number }[];
  readonly functions: readonly string[];
}

/** Whether a plan takes all the VM needs, and nothing that is not there. */
export function isHonest(truth: Truth, { kind, amount, hugepages }: Question, plan: Place): boolean {
  const inZones = plan.zones.every(({ id, amount: taken, cpus }) => {
    const zone = truth.zones.find((one) => one.id === id);
    return zone !== undefined && taken <= zone[kind] && cpus <= zone.cpus;
  });
  const inFunctions = truth.functions.every(({ address, vfs }) => plan.functions.filter((one) => one === address).length <= vfs);
  const planned = plan.zones.reduce((sum, zone) => sum + zone.amount, 0);
  return inZones && inFunctions && (planned === amount || kind === 'plain' || hugepages === 'ignore');
}

function countOf(choice: readonly number[], at: number): number {
  return choice.filter((one) => one === at).length;
}

/** Tries all ways to give each of `things` one of `places`, until one is good. */
export function everyChoice(things: number, places: number, good: (choice: readonly number[]) => boolean): boolean {
  const choice = new Array<number>(things).fill(0);
  if (places === 0) return false;
  for (;;) {
    if (good(choice)) return true;
    let at = 0;
    while (at < things && choice[at] === places - 1) choice[at++] = 0;
    if (at === things) return false;
    choice[at]! += 1;
  }
}
