import type { Explanation } from '../../../../api/explanation.ts';
import { EXPLAIN_PORT, runWhy } from '../../../../cli/why/why.ts';
import { runWords, type CommandResult } from '../../../../cli/commands.ts';
import { KubeError } from '../../../../kube/errors.ts';
import type { ClusterChoice, PodPort, UserCluster } from '../../../../kube/user-cluster.ts';
import { PodvisorError } from '../../../../runtime/errors.ts';
import { EXTENDER_OPTIONS } from '../../../../scheduler-plugin/options.ts';
import { createFakeKube, type FakeKube } from '../../../build/fake-kube.ts';

const NOW = Date.parse('2026-11-21T12:00:12Z');

const EXPLANATION: Explanation = {
  pod: 'shop/vm',
  uid: 'uid-vm',
  at: '2026-11-21T12:00:00Z',
  needs: {
    accelerator: 'kvm',
    memory: '2Mi',
    amount: 1024,
    cells: 1,
    cpus: 4,
    functions: [
      { resource: 'example.com/vf', network: 'blue' },
      { resource: 'example.com/vf', network: 'blue' },
    ],
    wishes: { hugepages: { mode: 'require', weight: 3, said: true }, numa: { mode: 'prefer', weight: 2, said: false } },
  },
  passed: 2,
  refused: [
    { reason: 'no Podvisor agent offers podvisor.dev/kvm there', count: 1, nodes: ['old'] },
    { reason: 'zone 0 has 10 free 2Mi pages, guest needs 1024 in one zone', count: 12, nodes: ['n1', 'n2'] },
  ],
  scores: [
    { name: 'large', total: 9, parts: { hugepages: 10, spread: 7 } },
    { name: 'small', total: 4, parts: { hugepages: 3 } },
  ],
  nodes: [
    {
      name: 'large',
      reason: '',
      source: 'NodeReport',
      zones: [
        { id: 0, cpus: 8, memory: { plain: 20 * 2 ** 30, '2Mi': 4096, '1Gi': 0 } },
        { id: 1, cpus: 6, memory: { plain: 2 ** 30, '2Mi': 12, '1Gi': 2 } },
      ],
      functions: [{ address: '0000:3b:00.0', zone: 0, resource: 'example.com/vf', network: 'blue', linkUp: true, vfs: 3 }],
      vms: 2,
      image: true,
    },
    {
      name: 'old',
      reason: 'no Podvisor agent offers podvisor.dev/kvm there',
      source: '',
      zones: [],
      functions: [],
      vms: 0,
      image: false,
    },
  ],
};

let kube: FakeKube;
let asked: { choice?: ClusterChoice; at?: PodPort; path?: string; closed: number };
beforeEach(() => {
  kube = createFakeKube();
  asked = { closed: 0 };
  putPod('vm');
  putLease('podvisor-scheduler-7d9f-x2x_0b6e');
});

const putPod = (name: string, fields: object = {}, labels: object = { 'podvisor.dev/vm': 'true' }): unknown =>
  kube.put({ apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'shop', name, uid: 'uid-vm', labels } as never, ...fields });
const putLease = (holderIdentity: string): unknown =>
  kube.put({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { namespace: 'podvisor-system', name: 'podvisor-scheduler' },
    spec: { holderIdentity },
  });
const CONDITIONS = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes are available' }];

type Ask = UserCluster['ask'];
const says =
  (status: number, body: unknown): Ask =>
  () =>
    Promise.resolve({ status, text: JSON.stringify(body) });

function why(words: string, ask: Ask = says(200, EXPLANATION)): Promise<CommandResult> {
  const cluster: UserCluster = {
    namespace: 'shop',
    client: kube.client,
    ask: (at, path) => {
      Object.assign(asked, { at, path });
      return ask(at, path);
    },
    close: () => (asked.closed += 1),
  };
  const connect = (choice: ClusterChoice): Promise<UserCluster> => {
    asked.choice = choice;
    return Promise.resolve(cluster);
  };
  return runWhy(words.split(' ').filter(Boolean), { connect, now: NOW });
}

test('asks where the extender serves people by default', () => {
  expect(EXTENDER_OPTIONS.options.explainPort.fallback).toBe(EXPLAIN_PORT);
});

test('asks the pod of the scheduler that leads, about the pod in the namespace of the context, and hangs up', async () => {
  await why('vm');
  expect(asked.at).toEqual({ namespace: 'podvisor-system', name: 'podvisor-scheduler-7d9f-x2x', port: 9444 });
  expect(asked.path).toBe('/explain/shop/vm');
  expect(asked.closed).toBe(1);
});

test('shows needs, reasons with the most nodes first, scores by dimension and what is free now', async () => {
  const { stdout, exitCode } = await why('vm');
  expect(exitCode).toBe(0);
  expect(stdout).toBe(`Pod shop/vm: waits, 2 of 15 nodes would do for us. Decided 12 s ago.
Needs: kvm, 1024 2Mi pages, 4 CPUs of its own, 2 VFs of example.com/vf on physical network blue
Asked for: hugepages: require

Refused:
NODES  REASON                                                      WHICH
12     zone 0 has 10 free 2Mi pages, guest needs 1024 in one zone  n1, n2, and 10 more
1      no Podvisor agent offers podvisor.dev/kvm there             old

Best, 0 to 10:
NODE   SCORE  HUGEPAGES  SPREAD
large  9      10         7
small  4      3          -

Now, less what other VMs hold:
NODE   ZONE          CPUS  MEMORY  2Mi   1Gi  VMS  IMAGE  WOULD DO
large  0             8     20Gi    4096  0    2    yes    yes
       1             6     1024Mi  12    2
old    not reported                           0    no     no: no Podvisor agent offers podvisor.dev/kvm there

Free virtual functions now:
NODE   FUNCTION      ZONE  RESOURCE        NETWORK  LINK  FREE
large  0000:3b:00.0  0     example.com/vf  blue     up    3
`);
});

test.each<[string, object, object, RegExp]>([
  ['on its node', { spec: { nodeName: 'large' } }, {}, /^Pod shop\/vm: on node large\./],
  ['not bound, with the reason', {}, { bind: { node: 'large', reason: 'zone 0 has 0' } }, /: not bound to node large: zone 0 has 0\./],
  ['waiting for any node', {}, { passed: 0 }, /: waits, none of 13 nodes would do\./],
  ['of an earlier pod', {}, { uid: 'uid-before' }, /an earlier pod of the same name/],
  ['without what it may not know', {}, { hidden: 'names are hidden', nodes: [], refused: [{ reason: 'full', count: 2, nodes: [] }] }, /NODES {2}REASON\n2 {6}full\n[^]*names are hidden\.\n$/],
  ['without what could harm a terminal', {}, { refused: [{ reason: 'a\u001b[31mb', count: 1, nodes: [] }] }, /1 {6}a\?\[31mb\n/],
])('a decision is shown %s', async (_how, pod, fields, text) => {
  putPod('vm', pod);
  expect((await why('vm', says(200, { ...EXPLANATION, ...fields }))).stdout).toMatch(text);
}); // prettier-ignore

test('-o json prints what was answered, whole', async () => {
  expect(JSON.parse((await why('vm -o json')).stdout)).toEqual(EXPLANATION);
});

test('flags choose cluster, context, namespace and scheduler as the person says', async () => {
  await why('pod/other -n team --context c --kubeconfig k --scheduler-pod kube-system/extender-1');
  expect(asked.choice).toMatchObject({ context: 'c', kubeconfig: 'k' });
  expect(kube.requests.map(({ path }) => path)).toEqual(['/api/v1/namespaces/team/pods/other']);
  kube.put({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'team', name: 'other', labels: { 'podvisor.dev/vm': 'true' } } as never,
  });
  await why('other -n team --scheduler-pod kube-system/extender-1');
  expect(asked.at).toEqual({ namespace: 'kube-system', name: 'extender-1', port: 9444 });
});

const forbidden = (part: string): void => {
  kube.onRequest = ({ path }) => (path.includes(part) ? new KubeError(403, 'Forbidden', `${part} is forbidden`) : undefined);
};
const fails =
  (error: Error): Ask =>
  () =>
    Promise.reject(error);

interface Case {
  readonly words?: string;
  readonly ask?: Ask;
  readonly before?: () => unknown;
  readonly stderr: RegExp;
  readonly exitCode: number;
}

test.each<[string, Case]>([
  ['no pod', { words: 'gone', stderr: /there is no pod shop\/gone/, exitCode: 1 }],
  ['a pod that is no VM', { before: () => putPod('vm', {}, {}), stderr: /is not a VM .*kubectl describe pod/, exitCode: 1 }],
  ['nothing decided', { ask: says(404, { reason: 'x' }), stderr: /nothing was decided for pod shop\/vm lately/, exitCode: 1 }],
  ['no right to the pod', { before: () => forbidden('pods/vm'), stderr: /pods\/vm is forbidden/, exitCode: 77 }],
  ['no right to the Lease', { before: () => forbidden('leases'), stderr: /may not get Lease .*Role podvisor-explain .*create rolebinding/, exitCode: 77 }],
  ['no right to forward ports', { ask: fails(new PodvisorError('denied', 'you may not forward a port of pod x')), stderr: /may not forward a port .*Role podvisor-explain/, exitCode: 77 }],
  ['no right to read the decision', { ask: says(403, { reason: 'user "ann" may not get pod vm' }), stderr: /user "ann" may not get pod vm/, exitCode: 77 }],
  ['credentials nobody knows', { ask: says(401, { reason: 'the API server knows nobody' }), stderr: /knows nobody/, exitCode: 77 }],
  ['an API server that does not answer the extender', { ask: says(503, { reason: 'cannot be checked now' }), stderr: /cannot be checked now/, exitCode: 69 }],
  ['a pod that went away', { ask: fails(new PodvisorError('unavailable', 'there is no pod y')), stderr: /there is no pod y/, exitCode: 69 }],
  ['an answer that is none', { ask: () => Promise.resolve({ status: 200, text: '<html>' }), stderr: /not answer in JSON/, exitCode: 76 }],
  ['nobody who leads', { before: () => putLease(''), stderr: /no scheduler leads/, exitCode: 69 }],
  ['no Lease', { before: () => kube.remove('/apis/coordination.k8s.io/v1/namespaces/podvisor-system/leases/podvisor-scheduler'), stderr: /is Podvisor installed here\? .*--scheduler-pod/, exitCode: 69 }],
  ['no pod named', { words: '', stderr: /why needs one POD/, exitCode: 64 }],
  ['an unknown flag', { words: 'vm --nope', stderr: /--nope/, exitCode: 64 }],
  ['an unknown output', { words: 'vm -o yaml', stderr: /allowed: table, json/, exitCode: 64 }],
  ['a scheduler pod without namespace', { words: 'vm --scheduler-pod x', stderr: /NAMESPACE\/POD/, exitCode: 64 }],
])('%s is told, with an exit code of its own', async (_what, { words = 'vm', ask, before, stderr, exitCode }) => {
  before?.();
  const result = await why(words, ask);
  expect(result.stderr).toMatch(stderr);
  expect(result.exitCode).toBe(exitCode);
  expect(asked.closed).toBe(asked.choice === undefined ? 0 : 1);
}); // prettier-ignore

test.each<[string, Ask, string]>([
  ['nothing was decided', says(404, {}), 'PodScheduled is False (Unschedulable): 0/3 nodes are available'],
  ['the decision cannot be had', fails(new PodvisorError('unavailable', 'no')), 'PodScheduled is False (Unschedulable)'],
])('when %s, what the scheduler wrote to the pod is shown', async (_when, ask, text) => {
  putPod('vm', { status: { conditions: CONDITIONS } });
  expect((await why('vm', ask)).stdout).toContain(`The pod itself says: ${text}`);
});

test('a kubeconfig that cannot be read is an error of the flags', async () => {
  const connect = (): Promise<UserCluster> => Promise.reject(new PodvisorError('config', 'cannot read the kubeconfig: ENOENT'));
  expect(await runWhy(['vm'], { connect, now: 0 })).toMatchObject({
    exitCode: 64,
    stderr: 'podvisor: cannot read the kubeconfig: ENOENT\n',
  });
});

test('the command line knows it, and its help', async () => {
  const connect = (): Promise<UserCluster> => Promise.reject(new PodvisorError('config', 'no cluster'));
  const machine = { connect, now: 0, readFile: () => '' };
  expect((await runWords(['why', 'vm'], machine)).stderr).toContain('no cluster');
  expect((await runWords(['why', '--help'], machine)).stdout).toContain('podvisor why [flags] POD');
  expect((await runWords(['wyh', 'vm'], machine)).stderr).toContain('did you mean why?');
  expect((await runWords(['render'], machine)).stderr).toContain('render needs a FILE');
});
