import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { connect } from 'node:tls';
import fc from 'fast-check';
import { GUEST_ANNOTATION } from '../../../api/names.ts';
import { guestSpec } from '../../build/guest.ts';
import { addNode } from './objects.ts';
import { startRig, type SchedulerRig } from './rig.ts';

/** What nobody but a broken or hostile scheduler sends, through the real TLS socket of the real process, with the scheduler's certificate. */

const RUNS = process.env['PODVISOR_SOAK'] === '1' ? 20_000 : 400;
/** The bound of the issue for 5,000 nodes and 50,000 pods is 120 MiB for the bundle; this process has client-node and its sources beside. */
const MOST_MIB = 350;
const FILTER = '/podvisor-extender/filter';
const VERBS = ['filter', 'prioritize', 'bind', 'preempt'];

interface Reply {
  readonly status: number;
  readonly text: string;
}

let rig: SchedulerRig;
let agent: Agent;
let tls: { readonly ca: string; readonly cert: string; readonly key: string };
beforeAll(async () => {
  rig = await startRig();
  await addNode(rig.client, 'all-a', {});
  const read = (file: string): string => readFileSync(join(rig.certificates, file), 'utf8');
  tls = { ca: read('ca.crt'), cert: read('client.crt'), key: read('client.key') };
  agent = new Agent({ ...tls, keepAlive: true, maxSockets: 4 });
}, 120_000);
afterAll(async () => {
  agent.destroy();
  await rig.stop();
}, 30_000);

function send(path: string, body: string | Buffer, method = 'POST'): Promise<Reply> {
  const options = { host: '127.0.0.1', port: rig.extenderPort, agent, path, method };
  return new Promise((resolve, reject) => {
    const call = request({ ...options, headers: { 'content-type': 'application/json' } }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    call.on('error', reject).end(body);
  });
}

const vm = { metadata: { name: 'vm', namespace: 'default', uid: 'u', annotations: { [GUEST_ANNOTATION]: JSON.stringify(guestSpec({ accelerator: 'tcg' })) } } }; // prettier-ignore
const args = (fields: object): string => JSON.stringify({ Pod: vm, Nodes: null, NodeNames: ['all-a'], ...fields });
const filter = async (body: string): Promise<FilterAnswer> => JSON.parse((await send(FILTER, body)).text) as FilterAnswer;

interface FilterAnswer {
  readonly NodeNames: readonly string[] | null;
  readonly FailedAndUnresolvableNodes: Readonly<Record<string, string>>;
  readonly FailedNodes: Readonly<Record<string, string>>;
  readonly Error: string;
}

/** It is the process that was started, it is not swollen, and it does its work. */
async function isWell(): Promise<void> {
  expect((await filter(args({}))).NodeNames).toEqual(['all-a']);
  expect(await rig.residentMib()).toBeLessThan(MOST_MIB);
}

const nested = (depth: number): string => `${'{"a":['.repeat(depth)}${']}'.repeat(depth)}`;

test.each([
  ['nothing', ''],
  ['what is not JSON', 'x'],
  ['half of a request', args({}).slice(0, 200)],
  ['null', 'null'],
  ['a list', '[]'],
  ['no pod', '{"NodeNames":["all-a"]}'],
  ['a pod that is a list', args({ Pod: [] })],
  ['no nodes', args({ NodeNames: null })],
  ['nodes that are numbers', args({ NodeNames: [1, 2] })],
  ['nodes that are a text', args({ NodeNames: 'all-a' })],
  ['200,000 levels', nested(200_000)],
  ['more than its limit', args({ NodeNames: ['x'.repeat(11 << 20)] })],
])('%s: the scheduler is given an error that names Podvisor and says what is wrong', async (_what, body) => {
  const { status, text } = await send(FILTER, body);
  expect(status).toBe(200);
  expect((JSON.parse(text) as FilterAnswer).Error).toMatch(/^Podvisor scheduler extender: .{10,}/);
  await isWell();
});

test.each([
  ['a name that is a word of JavaScript', { NodeNames: ['__proto__', 'constructor', 'all-a'] }, ['all-a']],
  ['a name twice', { NodeNames: ['all-a', 'all-a'] }, ['all-a', 'all-a']],
  ['100,000 unknown nodes', { NodeNames: Array.from({ length: 100_000 }, (_, index) => `n${index}`) }, []],
  ['names of a megabyte', { NodeNames: ['y'.repeat(1 << 20), 'all-a'] }, ['all-a']],
  ['a pod without metadata', { Pod: {} }, []],
  ['metadata that is a text', { Pod: { metadata: 'x' } }, []],
  ['annotations that are numbers', { Pod: { metadata: { annotations: { [GUEST_ANNOTATION]: 1 } } } }, []],
  ['annotations that are null', { Pod: { metadata: { annotations: null, ownerReferences: null } } }, []],
  ['a GuestSpec of 100,000 levels', { Pod: { metadata: { annotations: { [GUEST_ANNOTATION]: nested(100_000) } } } }, []],
  ['a GuestSpec of 9 MiB', { Pod: { metadata: { annotations: { [GUEST_ANNOTATION]: 'z'.repeat(9 << 20) } } } }, []],
])('%s: every node passes or is refused with a reason', async (_what, fields, passed) => {
  const answer = await filter(args(fields));
  expect(answer.Error === '' ? answer.NodeNames : []).toEqual(passed);
  const names = (fields as { NodeNames?: string[] }).NodeNames ?? ['all-a'];
  const reasons = { ...answer.FailedNodes, ...answer.FailedAndUnresolvableNodes };
  const refused = names.filter((name) => !passed.includes(name as never));
  if (answer.Error === '') expect(refused.every((name) => (Object.getOwnPropertyDescriptor(reasons, name)?.value ?? '') !== '')).toBe(true);
  await isWell();
}); // prettier-ignore

test.each([
  ['another method', FILTER, 'PUT', 404],
  ['another path', '/podvisor-extender/other', 'POST', 404],
  ['a path out of it', '/podvisor-extender/../../etc/passwd', 'POST', 404],
  ['a path of a megabyte', `/podvisor-extender/${'x'.repeat(1 << 20)}`, 'POST', 431],
])('%s is answered with a status', async (_what, path, method, expected) => {
  // The server closes a connection with headers it will not read, perhaps before its answer has been read.
  const status = await send(path, '{}', method).then((reply) => reply.status, () => 431); // prettier-ignore
  expect(status).toBe(expected);
  await isWell();
});

test.each(VERBS)('bodies of any JSON, sent to %s, are answered', async (verb) => {
  const anything = fc.oneof(fc.jsonValue(), fc.record({ Pod: fc.jsonValue(), Nodes: fc.jsonValue(), NodeNames: fc.jsonValue() }, { requiredKeys: [] }));
  const pod = fc.record({ metadata: fc.record({ name: fc.jsonValue(), uid: fc.jsonValue(), annotations: fc.jsonValue(), ownerReferences: fc.jsonValue() }, { requiredKeys: [] }), spec: fc.jsonValue() }, { requiredKeys: [] });
  const nodes = fc.record({ items: fc.array(fc.record({ metadata: fc.jsonValue(), status: fc.record({ allocatable: fc.jsonValue(), images: fc.jsonValue() }, { requiredKeys: [] }) })) });
  const near = fc.record({ Pod: pod, Nodes: fc.option(nodes), NodeNames: fc.option(fc.array(fc.string())), NodeNameToMetaVictims: fc.jsonValue() });
  const binding = fc.record({ PodName: fc.jsonValue(), PodNamespace: fc.jsonValue(), PodUID: fc.jsonValue(), Node: fc.jsonValue() }, { requiredKeys: [] });
  const check = async (body: unknown): Promise<void> => {
    const { status, text } = await send(`/podvisor-extender/${verb}`, JSON.stringify(body));
    // The verb may not be there; what is there answers with what the scheduler can read.
    expect([200, 404]).toContain(status);
    if (status === 200) expect(() => JSON.parse(text) as unknown).not.toThrow();
  };
  await fc.assert(fc.asyncProperty(fc.oneof(anything, near, binding), check), { numRuns: RUNS });
  await isWell();
}, 600_000); // prettier-ignore

test('bytes that are no HTTP, and a hundred connections that say nothing, keep nobody out', async () => {
  const sockets = await Promise.all(
    Array.from({ length: 100 }, (_, index) => {
      const socket = connect({ ...tls, host: '127.0.0.1', port: rig.extenderPort });
      socket.on('error', () => undefined);
      return new Promise<typeof socket>((resolve) => socket.once('secureConnect', () => {
        if (index % 2 === 0) socket.write(Buffer.from(Array.from({ length: 256 }, (_byte, at) => (at * 7 + index) % 256)));
        resolve(socket);
      }));
    }),
  );
  await isWell();
  for (const socket of sockets) socket.destroy();
}, 30_000); // prettier-ignore
