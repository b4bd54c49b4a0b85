import { request, type RequestOptions } from 'node:https';
import { KubeError } from '../../../../kube/errors.ts';
import { silentLog } from '../../../../runtime/log.ts';
import type { Explanation } from '../../../../api/explanation.ts';
import { startExplainServer, type ExplainServer } from '../../../../scheduler-plugin/explain/start.ts';
import { createDecisions } from '../../../../scheduler-plugin/decisions.ts';
import { createFakeKube, type FakeKube } from '../../../build/fake-kube.ts';
import { createTestCa, type TestCa } from '../../../build/tls.ts';
import { realClock } from '../../../../runtime/clock.ts';
import { explainedWorld, wanted, zone } from '../../../build/placement.ts';
import { eventually } from '../../../build/eventually.ts';

/** What the fake API server makes of tokens and wishes. */
const TOKENS: Readonly<Record<string, object>> = {
  'token-of-ann': { username: 'ann', uid: '1', groups: ['dev'], extra: { scope: ['a'] } },
  'token-of-bob': { username: 'bob', groups: [] },
  'token-of-admin': { username: 'admin', groups: ['system:masters'] },
};
interface Review {
  readonly spec: {
    readonly token?: string;
    readonly user?: string;
    readonly groups?: readonly string[];
    readonly resourceAttributes?: { readonly resource: string; readonly namespace?: string; readonly name?: string };
  };
}

const ROOM = { zones: [zone(0, 32)], functions: [] };
const POD = { metadata: { name: 'vm', namespace: 'default', uid: 'uid-vm' } };

let cluster: TestCa;
let podCa: TestCa;
let kube: FakeKube;
let server: ExplainServer;
let reviews: Review[];

beforeAll(async () => {
  [cluster, podCa] = await Promise.all([createTestCa('cluster-ca'), createTestCa('pod-ca')]);
});

beforeEach(async () => {
  kube = createFakeKube();
  reviews = [];
  const guest = wanted({ memory: '2Mi', amount: 64 });
  const decisions = createDecisions(() => 0);
  decisions.filtered(POD, [{ name: 'a', reason: 'too few pages' }], guest);
  const client = {
    ...kube.client,
    create: <T>(path: string, body: object) => Promise.resolve(answered(path, body as Review) as T),
  };
  const common = { client, clock: realClock, random: Math.random, log: silentLog, host: '127.0.0.1', port: 0 };
  const pair = await podCa.issue('server');
  server = await startExplainServer({ ...common, server: pair, caPem: podCa.certPem, decisions, world: explainedWorld(ROOM) });
});
afterEach(() => server.stop());

/** Ann may get pod vm, the admin everything. */
function answered(path: string, review: Review): object {
  reviews.push(review);
  const { token = '', user = '', groups = [], resourceAttributes: wish } = review.spec;
  if (path.endsWith('/tokenreviews')) return { status: { authenticated: token in TOKENS, user: TOKENS[token] } };
  const isHers = user === 'ann' && wish?.resource === 'pods' && wish.namespace === 'default' && wish.name === 'vm';
  return { status: { allowed: groups.includes('system:masters') || isHers } };
}

interface Reply {
  readonly status: number;
  readonly body: Partial<Explanation> & { readonly reason?: string };
}

function ask(options: RequestOptions & { token?: string } = {}): Promise<Reply> {
  const { token, ...rest } = options;
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    const all = { host: '127.0.0.1', port: server.port, path: '/explain/default/vm', ca: podCa.certPem, agent: false, headers };
    request({ ...all, ...rest }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as Reply['body'] }));
    })
      .on('error', reject)
      .end();
  });
}

const withCertificate = async (ca: TestCa, subject: string): Promise<RequestOptions> => {
  const { certPem, keyPem } = await ca.issue(subject);
  return { cert: certPem, key: keyPem };
};
const publishClientCa = (pem: string): void =>
  void kube.put({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace: 'kube-system', name: 'extension-apiserver-authentication' },
    data: { 'client-ca-file': pem },
  });

test('T26: whoever may get the pod reads its decision, without what is known of nodes', async () => {
  const { status, body } = await ask({ token: 'token-of-ann' });
  expect({ status, body }).toMatchObject({
    status: 200,
    body: {
      pod: 'default/vm',
      uid: 'uid-vm',
      needs: { memory: '2Mi', amount: 64 },
      refused: [{ reason: 'too few pages', count: 1, nodes: [] }],
      nodes: [],
      hidden: expect.stringContaining('podvisor-node-facts'),
    },
  });
});

test('whoever may get NodeReports too is told the nodes, what is free there, and whether it would do now', async () => {
  const { body } = await ask({ token: 'token-of-admin' });
  expect(body.hidden).toBeUndefined();
  expect(body.refused).toEqual([{ reason: 'too few pages', count: 1, nodes: ['a'] }]);
  expect(body.nodes).toEqual([
    expect.objectContaining({
      name: 'a',
      zones: ROOM.zones,
      vms: 3,
      source: 'NodeReport',
      reason: expect.stringContaining('guest needs 64'),
    }),
  ]);
});

test('the API server is asked with all it knows of the caller, and for that pod alone', async () => {
  await ask({ token: 'token-of-ann' });
  expect(reviews[1]?.spec).toEqual({
    user: 'ann',
    uid: '1',
    groups: ['dev'],
    extra: { scope: ['a'] },
    resourceAttributes: { verb: 'get', group: '', version: 'v1', resource: 'pods', namespace: 'default', name: 'vm' },
  });
});

test.each<[string, RequestOptions & { token?: string }, number, RegExp]>([
  ['without credentials', {}, 401, /bearer token of the cluster, or a client certificate/],
  ['with a token nobody gave', { token: 'made-up' }, 401, /knows nobody/],
  ['with a password', { headers: { authorization: 'Basic YW5uOmFubg==' } }, 401, /knows nobody/],
  ['without the right to get the pod', { token: 'token-of-bob' }, 403, /user "bob" may not get pod vm in namespace default/],
  ['about a pod of another name', { token: 'token-of-ann', path: '/explain/default/other' }, 403, /may not get pod other/],
  [
    'about a pod nothing was decided for',
    { token: 'token-of-admin', path: '/explain/default/other' },
    404,
    /nothing was decided/,
  ],
  ['about no pod', { token: 'token-of-admin', path: '/explain/default' }, 404, /try \/explain\/NAMESPACE\/POD/],
  ['about a name that is none', { token: 'token-of-admin', path: '/explain/default/%2e%2e' }, 404, /try/],
  ['with another method', { token: 'token-of-admin', method: 'DELETE' }, 405, /GET only/],
])('who asks %s is told why not', async (_how, options, status, reason) => {
  const reply = await ask(options);
  expect(reply.status).toBe(status);
  expect(reply.body.reason).toMatch(reason);
});

test('when the API server does not answer nobody is let in, and the reason is told', async () => {
  await server.stop();
  const client = { ...kube.client, create: () => Promise.reject(new KubeError(0, 'Timeout', 'no answer from x in 30000 ms')) };
  const world = {} as Parameters<typeof startExplainServer>[0]['world'];
  const common = { client, clock: realClock, random: Math.random, log: silentLog, host: '127.0.0.1', port: 0, world };
  const pair = await podCa.issue('server');
  server = await startExplainServer({ ...common, server: pair, caPem: podCa.certPem, decisions: createDecisions(() => 0) });
  const { status, body } = await ask({ token: 'token-of-ann' });
  expect([status, body.reason]).toEqual([503, expect.stringContaining('no answer from x in 30000 ms')]);
});

test('a client certificate of the cluster counts by its name and organizations, like at the API server', async () => {
  publishClientCa(cluster.certPem);
  const ann = await withCertificate(cluster, 'ann, O=dev, O=ops');
  await eventually('the certificate is taken', async () => (await ask(ann)).status === 200, 5_000);
  const asked = reviews.find(({ spec }) => spec.user === 'ann');
  expect(asked?.spec.groups).toEqual(['dev', 'ops', 'system:authenticated']);
});

test("a certificate of the pod's own authority is nobody's, before and after the cluster's authority is known", async () => {
  const forged = await withCertificate(podCa, 'ann, O=system:masters');
  expect((await ask(forged)).status).toBe(401);
  publishClientCa(cluster.certPem);
  const ann = await withCertificate(cluster, 'ann');
  await eventually('the certificate is taken', async () => (await ask(ann)).status === 200, 5_000);
  expect((await ask(forged)).status).toBe(401);
});

test('a certificate of an authority that was replaced is no longer taken', async () => {
  publishClientCa(cluster.certPem);
  const ann = await withCertificate(cluster, 'ann');
  await eventually('the certificate is taken', async () => (await ask(ann)).status === 200, 5_000);
  publishClientCa((await createTestCa('next-ca')).certPem);
  await eventually('it is refused', async () => (await ask(ann)).status === 401, 5_000);
});

test('with several authorities a certificate of each is taken', async () => {
  const second = await createTestCa('second-ca');
  publishClientCa(`${cluster.certPem}\n${second.certPem}`);
  const ann = await withCertificate(second, 'ann');
  await eventually('the certificate is taken', async () => (await ask(ann)).status === 200, 5_000);
});
