import type { ExplainedFunction, ExplainedNeeds, ExplainedNode, Explanation } from '../../api/explanation.ts';
import { DIMENSIONS } from '../../api/placement.ts';
import { bytesText, columns, spanText } from './columns.ts';
import type { SeenPod } from './pod.ts';

/** An explanation for a person. `now` in milliseconds since the epoch. */
export function explanationText(explanation: Explanation, pod: SeenPod, now: number): string {
  const { at, needs, nodes, hidden } = explanation;
  return [
    `Pod ${explanation.pod}: ${stateText(explanation, pod)}. Decided ${spanText(now - Date.parse(at))} ago.\n`,
    ...(pod.uid === explanation.uid
      ? []
      : ['This was an earlier pod of the same name; nothing was decided for the present one yet.\n']),
    ...(needs === undefined ? [] : [`Needs: ${needsText(needs)}\n`, ...wishesText(needs)]),
    ...refusedText(explanation),
    ...scoresText(explanation),
    ...(nodes.length === 0 ? [] : [`\nNow, less what other VMs hold:\n${columns(nodeRows(nodes))}`]),
    ...(nodes.some(({ functions }) => functions.length > 0)
      ? [`\nFree virtual functions now:\n${columns(functionRows(nodes))}`]
      : []),
    ...(hidden === undefined ? [] : [`\n${hidden}.\n`]),
  ].join('');
}

function stateText({ bind, passed, refused }: Explanation, { node }: SeenPod): string {
  if (node !== '') return `on node ${node}`;
  if (bind !== undefined && bind.reason !== '') return `not bound to node ${bind.node}: ${bind.reason}`;
  const all = passed + refused.reduce((sum, { count }) => sum + count, 0);
  return passed === 0
    ? `waits, none of ${count(all, 'node')} would do`
    : `waits, ${passed} of ${count(all, 'node')} would do for us`;
}

function needsText({ accelerator, memory, amount, cells, cpus, functions }: ExplainedNeeds): string {
  const where = cells === 1 ? '' : ` in ${cells} NUMA nodes of the guest`;
  const names = [...new Set(functions.map(functionName))];
  const vfs = names.map((name) => `${count(functions.filter((one) => functionName(one) === name).length, 'VF')} of ${name}`);
  const ram = memory === 'plain' ? `${bytesText(amount)} memory` : `${amount} ${memory} pages`;
  return [accelerator, `${ram}${where}`, ...(cpus === 0 ? [] : [`${cpus} CPUs of its own`]), ...vfs].join(', ');
}

function functionName({ resource, network }: ExplainedNeeds['functions'][number]): string {
  return network === undefined ? resource : `${resource} on physical network ${network}`;
}

function wishesText({ wishes }: ExplainedNeeds): string[] {
  const said = DIMENSIONS.flatMap((name) => {
    const wish = wishes[name];
    if (wish?.said !== true) return [];
    return [`${name}: ${wish.mode}${wish.mode === 'prefer' ? `=${wish.weight}` : ''}`];
  });
  return said.length === 0 ? [] : [`Asked for: ${said.join(', ')}\n`];
}

function refusedText({ refused }: Explanation): string[] {
  if (refused.length === 0) return [];
  const rows = [...refused].sort((a, b) => b.count - a.count).map(({ count: nodes, reason, nodes: names }) => {
    const more = nodes - names.length;
    const shown = [...names, ...(more > 0 && names.length > 0 ? [`and ${more} more`] : [])].join(', ');
    return [String(nodes), reason, shown];
  }); // prettier-ignore
  return ['\nRefused:\n', columns([['NODES', 'REASON', rows.some(([, , names]) => names !== '') ? 'WHICH' : ''], ...rows])];
}

function scoresText({ scores }: Explanation): string[] {
  if (scores.length === 0) return [];
  const told = DIMENSIONS.filter((name) => scores.some(({ parts }) => parts[name] !== undefined));
  const rows = scores.map(({ name, total, parts }) => [name, String(total), ...told.map((one) => String(parts[one] ?? '-'))]);
  return ['\nBest, 0 to 10:\n', columns([['NODE', 'SCORE', ...told.map((name) => name.toUpperCase())], ...rows])];
}

function nodeRows(nodes: readonly ExplainedNode[]): string[][] {
  const head = ['NODE', 'ZONE', 'CPUS', 'MEMORY', '2Mi', '1Gi', 'VMS', 'IMAGE', 'WOULD DO'];
  return [head, ...nodes.flatMap(zoneRows)];
}

function zoneRows({ name, reason, source, zones, vms, image }: ExplainedNode): string[][] {
  const common = [String(vms), image ? 'yes' : 'no', reason === '' ? 'yes' : `no: ${reason}`];
  if (zones.length === 0) return [[name, source === '' ? 'not reported' : '-', '', '', '', '', ...common]];
  return zones.map(({ id, cpus, memory }, at) => [
    at === 0 ? name : '',
    String(id),
    String(cpus),
    bytesText(memory.plain),
    String(memory['2Mi']),
    String(memory['1Gi']),
    ...(at === 0 ? common : []),
  ]);
}

function functionRows(nodes: readonly ExplainedNode[]): string[][] {
  const row = (name: string, { address, zone, resource, network, linkUp, vfs }: ExplainedFunction): string[] => {
    return [
      name,
      address,
      zone === undefined ? '-' : String(zone),
      resource ?? '-',
      network ?? '-',
      linkUp ? 'up' : 'down',
      String(vfs),
    ];
  };
  const head = ['NODE', 'FUNCTION', 'ZONE', 'RESOURCE', 'NETWORK', 'LINK', 'FREE'];
  return [head, ...nodes.flatMap(({ name, functions }) => functions.map((one) => row(name, one)))];
}

function count(amount: number, what: string): string {
  return `${amount} ${what}${amount === 1 ? '' : 's'}`;
}
