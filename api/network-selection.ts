import { ipFamily, isIpOrCidr } from './ip-address.ts';
import { isRecord } from './record.ts';

/**
 * What a pod asks Multus for: `k8s.v1.cni.cncf.io/networks` and `v1.multus-cni.io/default-network`. Reads what Multus itself reads
 * (multus-cni v4 pkg/k8sclient parsePodNetworkAnnotation, types.NetworkSelectionElement; NPWG multi-net specification 4.1), and refuses
 * what Multus would refuse when the pod starts.
 */

/** One network selection element. */
export interface Selection {
  readonly name: string;
  /** '' = where Multus looks by default. */
  readonly namespace: string;
  /** '' = Multus numbers it. */
  readonly interface: string;
  /** Lower case, with colons; '' = none asked for. */
  readonly mac: string;
}

export type ReadSelections =
  { readonly ok: true; readonly selections: readonly Selection[] } | { readonly ok: false; readonly reason: string };

const FORM =
  "allowed: '[namespace/]name[@interface]' entries separated by commas, or a JSON list of {name, namespace, interface, mac, …}";

/** The elements in order, or why Multus could not read them. */
export function readSelections(text: string): ReadSelections {
  return isJson(text) ? readJson(text) : readShort(text);
}

/** Multus' own rule: any of these characters makes it JSON. */
function isJson(text: string): boolean {
  return /[[{"]/.test(text);
}

/** A label; Multus allows dots in names in the JSON form only. */
const SHORT_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const SHORT_ENTRY = /^(?:([^/@]*)\/)?([^/@]*)(?:@([^/@]*))?$/;

function readShort(text: string): ReadSelections {
  const selections = text.split(',').map(shortEntry);
  const broken = selections.indexOf(undefined);
  if (broken >= 0) return refused(`cannot be read${where(broken, text.split(',').length)}; ${FORM}`);
  return { ok: true, selections: selections.filter((one) => one !== undefined) };
}

function shortEntry(entry: string): Selection | undefined {
  const match = SHORT_ENTRY.exec(entry.trim());
  if (match === null) return undefined;
  const [namespace = '', name = '', interfaceName = ''] = match.slice(1).map((part: string | undefined) => part?.trim());
  if (!SHORT_NAME.test(name) || (namespace !== '' && !SHORT_NAME.test(namespace))) return undefined;
  return { name, namespace, interface: interfaceName, mac: '' };
}

function where(index: number, count: number): string {
  return count === 1 ? '' : ` (entry ${index + 1})`;
}

function readJson(text: string): ReadSelections {
  const elements = parseJson(text);
  if (!Array.isArray(elements)) return refused(`cannot be read as JSON, which Multus takes it for; ${FORM}`);
  const results = elements.map(readElement);
  const [wrong] = results.flatMap((one, index) => (typeof one === 'string' ? [`${where(index, elements.length)}: ${one}`] : []));
  if (wrong !== undefined) return refused(`cannot be read${wrong}; ${FORM}`);
  return { ok: true, selections: results.filter((one) => typeof one !== 'string') };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What each field must be (null is as good as absent in Go); fields this code has never heard of pass. */
const FIELD_CHECKS: Readonly<Record<string, (value: unknown) => string>> = {
  name: aText,
  namespace: aText,
  interface: aText,
  interfacerequest: aText,
  mac: aText,
  'infiniband-guid': aText,
  deviceid: aText,
  ips: (value) => listOf(value, 'IP addresses', (one) => typeof one === 'string' && isIpOrCidr(one)),
  'default-route': (value) => listOf(value, 'IP addresses', (one) => typeof one === 'string' && ipFamily(one) !== 0),
  portmappings: (value) => listOf(value, 'objects', isRecord),
  bandwidth: anObject,
  'cni-args': anObject,
};

/** The element, or what is wrong with it. Go matches field names whatever their case; the last of two wins there. */
function readElement(element: unknown): Selection | string {
  if (!isRecord(element)) return 'an element is no object';
  const entries = Object.entries(element)
    .map(([key, value]) => [key.toLowerCase(), value] as const)
    .filter(([key, value]) => Object.hasOwn(FIELD_CHECKS, key) && value !== null);
  const twice = entries.find(([key], index) => entries.findIndex(([other]) => other === key) !== index);
  if (twice !== undefined) return `'${twice[0]}' is there twice`;
  const wrong = entries.map(([key, value]) => [key, FIELD_CHECKS[key]?.(value) ?? ''] as const).find(([, what]) => what !== '');
  if (wrong !== undefined) return `'${wrong[0]}' must be ${wrong[1]}`;
  const fields = Object.fromEntries(entries) as Readonly<Record<string, string | undefined>>;
  return toSelection(fields);
}

function toSelection(fields: Readonly<Record<string, string | undefined>>): Selection | string {
  const { name = '', namespace = '', mac = '' } = fields;
  if (name === '') return "'name' is missing";
  const unicast = mac === '' ? '' : guestMac(mac);
  if (unicast === undefined) return `'mac' is ${JSON.stringify(mac.slice(0, 40))}; it must be a unicast address of six octets`;
  // The older name of the field still counts in Multus.
  return { name, namespace, interface: fields['interface'] || (fields['interfacerequest'] ?? ''), mac: unicast };
}

/** The three notations of Go's net.ParseMAC, in one; undefined = no unicast Ethernet address. */
function guestMac(text: string): string | undefined {
  const forms = [/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i, /^([0-9a-f]{2}-){5}[0-9a-f]{2}$/i, /^([0-9a-f]{4}\.){2}[0-9a-f]{4}$/i];
  if (!forms.some((form) => form.test(text))) return undefined;
  const octets =
    text
      .toLowerCase()
      .replace(/[^0-9a-f]/g, '')
      .match(/../g) ?? [];
  const zero = octets.every((octet) => octet === '00');
  return Number.parseInt(octets[0] ?? '1', 16) % 2 === 0 && !zero ? octets.join(':') : undefined;
}

function aText(value: unknown): string {
  return typeof value === 'string' ? '' : 'a text';
}

function anObject(value: unknown): string {
  return isRecord(value) ? '' : 'an object';
}

function listOf(value: unknown, what: string, check: (one: unknown) => boolean): string {
  return Array.isArray(value) && value.every(check) ? '' : `a list of ${what}`;
}

function refused(reason: string): ReadSelections {
  return { ok: false, reason };
}

/**
 * The same request with MAC addresses (by position; undefined = none to add), in the JSON form, the only one that can carry them. What the
 * user wrote stays, to the byte where it is JSON already; a MAC that is there wins. The text itself when there is nothing to add.
 */
export function withMacs(text: string, macs: readonly (string | undefined)[]): string {
  const read = readSelections(text);
  if (!read.ok) return text;
  const missing = read.selections.map(({ mac }, index) => (mac === '' ? macs[index] : undefined));
  if (missing.every((mac) => mac === undefined)) return text;
  return isJson(text) ? insertMacs(text, missing) : shortWithMacs(read.selections, missing);
}

function shortWithMacs(selections: readonly Selection[], macs: readonly (string | undefined)[]): string {
  const elements = selections.map(({ name, namespace, interface: interfaceName }, index) => ({
    name,
    ...(namespace === '' ? {} : { namespace }),
    ...(interfaceName === '' ? {} : { interface: interfaceName }),
    ...(macs[index] === undefined ? {} : { mac: macs[index] }),
  }));
  return JSON.stringify(elements);
}

/** Before each element's closing brace: of two fields with one name the last counts, so an empty `mac` does not. */
function insertMacs(text: string, macs: readonly (string | undefined)[]): string {
  const pieces = elementEnds(text).map((end, index, ends) => {
    const mac = macs[index];
    return text.slice(ends[index - 1] ?? 0, end) + (mac === undefined ? '' : `,"mac":"${mac}"`);
  });
  return pieces.join('') + text.slice(elementEnds(text).at(-1) ?? 0);
}

/** Where the objects of a JSON list end: the offsets of their closing braces. */
function elementEnds(text: string): number[] {
  const ends: number[] = [];
  let depth = 0;
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/g)) {
    if (token === '[' || token === '{') depth += 1;
    if (token !== ']' && token !== '}') continue;
    if (depth === 2) ends.push(index);
    depth -= 1;
  }
  return ends;
}
