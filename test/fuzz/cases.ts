import { ANNOTATIONS } from '../../api/annotations.ts';
import type { Pod } from '../../api/pod.ts';
import { container, vmPod, withDefaults } from '../build/pod.ts';
import { mutated } from '../unit/webhooks/admit.ts';
import { below, pick } from './random.ts';
import type { Rng } from './random.ts';

/** A request body, as text because some of it is no JSON. */
export interface FuzzCase {
  readonly webhook: 'mutate' | 'validate';
  readonly body: string;
}

const deep = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;
/** Placeholders for text that JSON.stringify would not write. */
const RAW: Readonly<Record<string, string>> = {
  '@nan': 'NaN',
  '@infinity': '1e999',
  '@minus-zero': '-0',
  '@long-number': '9'.repeat(400),
  '@fraction': '0.1e-400',
  '@deep': deep(5000),
  '@deep-object': `${'{"a":'.repeat(3000)}1${'}'.repeat(3000)}`,
  '@lone-surrogate': '"\\ud800"',
  '@duplicate-keys': '{"name":"a","name":1,"name":null}',
  '@proto': '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
};

const VALUES: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  2 ** 53,
  -(2 ** 63),
  '',
  ' ',
  'a',
  'true',
  '\u0000',
  '\ud800',
  '\u2028',
  'é'.repeat(300),
  '__proto__',
  'constructor',
  '../../etc/passwd',
  '/etc/passwd',
  'a,b=c',
  '1Ti',
  '-1',
  '1e999',
  '0.1',
  '9'.repeat(100),
  '[{"name":"a"}]',
  '{"version":"v1"}',
  '{',
  'x'.repeat(100_000),
  [],
  {},
  [null],
  [[]],
  [{}],
  { name: null },
  Array.from({ length: 2000 }, () => ({ name: 'a' })),
  Array.from({ length: 300 }, (_, index) => String(index)),
  Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`k${index}`, 'v'])),
  ...Object.keys(RAW),
];

const KEYS = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'length',
  '',
  'name',
  'x'.repeat(1000),
  '0',
  'podvisor.dev/vm',
  'a/b~c',
];

const FULL = withDefaults(
  vmPod({
    sidecars: [container({ env: [{ name: 'A', value: 'b' }], ports: [{ containerPort: 80 }] })],
    metadata: {
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'rs', uid: 'u', controller: true }],
      generateName: 'vm-',
    },
    spec: {
      initContainers: [container({ name: 'init' })],
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'd' } }],
    },
    guest: {
      volumeDevices: [{ name: 'data', devicePath: '/dev/x' }],
      ports: [{ containerPort: 22 }],
      readinessProbe: { httpGet: { port: 80 } },
      securityContext: { capabilities: { drop: ['ALL'] } },
    },
  }),
);
const ADMITTED = mutated(FULL);

/** Reviews that are as they should be: what fuzzing starts from. */
const SEEDS: readonly { webhook: FuzzCase['webhook']; request: object }[] = [
  { webhook: 'mutate', request: { operation: 'CREATE', object: vmPod() } },
  { webhook: 'mutate', request: { operation: 'CREATE', object: FULL } },
  { webhook: 'mutate', request: { operation: 'CREATE', object: ADMITTED } },
  { webhook: 'mutate', request: { operation: 'UPDATE', object: FULL, oldObject: ADMITTED } },
  { webhook: 'validate', request: { operation: 'CREATE', object: ADMITTED } },
  { webhook: 'validate', request: { operation: 'UPDATE', object: FULL, oldObject: ADMITTED } },
  { webhook: 'validate', request: { operation: 'UPDATE', subResource: 'resize', object: ADMITTED, oldObject: ADMITTED } },
  {
    webhook: 'validate',
    request: { operation: 'UPDATE', subResource: 'ephemeralcontainers', object: ADMITTED, oldObject: ADMITTED },
  },
];

type Json = Record<string, unknown>;
interface Place {
  readonly parent: Json | unknown[];
  readonly key: string | number;
}

/** A random place in a tree; deep ones are as likely as shallow ones. */
function placeIn(root: Json, rng: Rng): Place {
  const places: Place[] = [];
  const walk = (parent: Json | unknown[]): void => {
    for (const key of Array.isArray(parent) ? parent.keys() : Object.keys(parent)) {
      places.push({ parent, key });
      const value = (parent as Json)[key];
      if (typeof value === 'object' && value !== null) walk(value as Json);
    }
  };
  walk(root);
  return pick(rng, places);
}

function set({ parent, key }: Place, value: unknown): void {
  Object.defineProperty(parent, key, { value, enumerable: true, configurable: true, writable: true });
}

type Damage = (root: Json, rng: Rng) => void;

const DAMAGES: readonly Damage[] = [
  (root, rng) => set(placeIn(root, rng), structuredClone(pick(rng, VALUES))),
  (root, rng) => set(placeIn(root, rng), structuredClone(pick(rng, VALUES))),
  (root, rng) => {
    const { parent, key } = placeIn(root, rng);
    if (!Array.isArray(parent)) Reflect.deleteProperty(parent, key);
    else parent.splice(Number(key), 1);
  },
  (root, rng) => {
    const { parent } = placeIn(root, rng);
    if (Array.isArray(parent)) parent.push(structuredClone(pick(rng, VALUES)));
    else set({ parent, key: pick(rng, KEYS) }, structuredClone(pick(rng, VALUES)));
  },
  (root, rng) => {
    const object = (root['request'] as Json)['object'] as Pod | undefined;
    const annotations = object?.metadata.annotations as Json | undefined;
    const texts = VALUES.filter((value) => typeof value === 'string');
    if (typeof annotations === 'object') set({ parent: annotations, key: pick(rng, ANNOTATIONS).name }, pick(rng, texts));
  },
];

function serialize(root: Json): string {
  return JSON.stringify(root).replaceAll(/"(@[a-z-]+)"/g, (text, name: string) => RAW[name] ?? text);
}

/** Damage to the text itself: cut off, bytes exchanged, repeated. */
function damageText(text: string, rng: Rng): string {
  const at = below(rng, text.length);
  const kind = below(rng, 40);
  if (kind === 0) return text.slice(0, at);
  if (kind === 1)
    return text.slice(0, at) + pick(rng, ['\u0000', '"', '{', '}', ',', '\\', '\uffff', '1e5']) + text.slice(at + 1);
  return kind === 2 ? text.slice(0, at) + text : text;
}

/** The case that a state of the generator determines. */
export function fuzzCase(rng: Rng): FuzzCase {
  const seed = pick(rng, SEEDS);
  const request = { uid: 'u', namespace: 'team', name: 'vm', subResource: '', ...seed.request };
  const root = structuredClone({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request }) as Json;
  const inner = (root['request'] as Json)['object'] as { metadata: Json };
  if (inner.metadata['annotations'] === undefined) inner.metadata['annotations'] = {};
  for (let count = 1 + below(rng, 4); count > 0; count--) {
    try {
      pick(rng, DAMAGES)(root, rng);
    } catch {
      // An earlier damage took away what this one wanted to work on.
    }
  }
  return { webhook: rng() < 0.1 ? pick(rng, ['mutate', 'validate']) : seed.webhook, body: damageText(serialize(root), rng) };
}

const MIB = 2 ** 20;
const review = (object: string): string =>
  `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","operation":"CREATE","namespace":"team","object":${object}}}`;
const withAnnotation = (name: string, value: string): string => review(JSON.stringify(vmPod({ annotations: { [name]: value } })));

/** The fixed part: what was found once, and what is worth asking every time. */
export const CORPUS: Readonly<Record<string, string>> = {
  'a review of 3 MiB': withAnnotation('other', 'x'.repeat(3 * MIB)),
  'an annotation of ours of 3 MiB': withAnnotation('podvisor.dev/cpu-features', '+a,'.repeat(MIB)),
  'networks of 1 MiB': withAnnotation('k8s.v1.cni.cncf.io/networks', 'a/b,'.repeat(MIB / 4)),
  'a GuestSpec of 3 MiB': withAnnotation('podvisor.dev/guest', `"${'x'.repeat(3 * MIB)}"`),
  'a deep GuestSpec': withAnnotation('podvisor.dev/guest', deep(100_000)),
  '50,000 containers': review(
    JSON.stringify(vmPod({ sidecars: Array.from({ length: 50_000 }, (_, index) => container({ name: `c${index}` })) })),
  ),
  '50,000 annotations': review(
    JSON.stringify(
      vmPod({ annotations: Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`podvisor.dev/a${index}`, ''])) }),
    ),
  ),
  'deep nesting in a field nobody knows': review(JSON.stringify(vmPod({ spec: { other: '@' } })).replace('"@"', deep(5000))),
  'null for every list': review('{"metadata":{"labels":null},"spec":{"containers":null}}'),
  'null containers': review('{"metadata":{},"spec":{"containers":[null]}}'),
  'keys of every object': review(
    '{"metadata":{"labels":{"__proto__":"true","podvisor.dev/vm":"true"},"annotations":{"constructor":"a"}},"spec":{"containers":[{"name":"a"}],"__proto__":{"x":1}}}',
  ),
  'a lone surrogate': withAnnotation('podvisor.dev/container', '\ud800'),
  'numbers that are none': review(
    '{"metadata":{},"spec":{"containers":[{"name":"a","resources":{"limits":{"memory":1e999,"cpu":-0}}}]}}',
  ),
  'memory with 300 digits': review(
    `{"metadata":{},"spec":{"containers":[{"name":"a","resources":{"limits":{"memory":"${'9'.repeat(300)}"}}}]}}`,
  ),
  'a subresource that every object has': review('{"metadata":{},"spec":{"containers":[]}}').replace(
    '"operation":"CREATE"',
    '"operation":"UPDATE","subResource":"constructor","oldObject":{"metadata":{},"spec":{"containers":[]}}',
  ),
  'a quantity with a huge exponent': review(
    '{"metadata":{},"spec":{"containers":[{"name":"a","resources":{"limits":{"memory":"1e999999999"}}}]}}',
  ),
};
