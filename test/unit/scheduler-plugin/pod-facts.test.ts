import { GUEST_ANNOTATION, PLAN_ANNOTATION } from '../../../api/names.ts';
import { planText } from '../../../api/placement-plan.ts';
import { createPodReader } from '../../../scheduler-plugin/placement/pod-facts.ts';
import { readPlan } from '../../../scheduler-plugin/placement/plan-annotation.ts';
import { guestSpec } from '../../build/guest.ts';

const GUEST = JSON.stringify(guestSpec({ hugepages: '2Mi' }));
const PLAN = { zones: [{ id: 1, cpus: 0, amount: 64 }], functions: [] };
const NEEDS = { memory: '2Mi', amount: 64, cpus: 0, functions: [] } as const;

describe('createPodReader', () => {
  const podFacts = createPodReader();
  const metadata = { name: 'v', uid: 'u', creationTimestamp: '2026-11-21T20:00:00Z', annotations: { [GUEST_ANNOTATION]: GUEST, [PLAN_ANNOTATION]: planText(PLAN) } };
  const spec = { nodeName: 'a' };
  const standing = { namespace: '', priority: 0, labels: {}, requests: {}, repels: false };
  const since = Date.UTC(2026, 10, 21, 20) / 1000;

  it('reads needs and plan of a VM on a node', () => {
    expect(podFacts({ metadata, spec })).toEqual({ uid: 'u', owner: 'u', node: 'a', ended: false, needs: NEEDS, plan: PLAN, standing, since, word: 'none' });
  });

  it('knows what preemption asks: priority, namespace, requests, since when it runs, and by when it leaves', () => {
    const resources = { requests: { cpu: '500m' }, limits: { 'hugepages-2Mi': '128Mi' } };
    const pod = {
      metadata: { ...metadata, namespace: 'team', deletionTimestamp: '2026-11-21T21:00:00Z', labels: { app: 'x', 'statefulset.kubernetes.io/pod-name': 'v-0' } },
      spec: { ...spec, priority: 7, containers: [{ resources }], affinity: { podAntiAffinity: {} } },
      status: { startTime: '2026-11-21T20:00:10Z' },
    };
    expect(podFacts(pod)).toMatchObject({
      standing: { namespace: 'team', priority: 7, labels: { app: 'x' }, requests: { cpu: 0.5, 'hugepages-2Mi': 128 * 2 ** 20 }, repels: true },
      since: since + 10,
      leavesBy: since + 3600,
    });
  });

  it('keeps one standing for all pods of a workload', () => {
    const [one, two] = ['u', 'w'].map((uid) => podFacts({ metadata: { ...metadata, uid }, spec })?.standing);
    expect(one).toBe(two);
  });

  it('knows its claims, those that were plugged into the running guest too', () => {
    const annotations = { ...metadata.annotations, 'podvisor.dev/hotplugged-claims': 'logs' };
    const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }];
    const pod = { metadata: { ...metadata, namespace: 'team', annotations }, spec: { ...spec, volumes } };
    expect(podFacts(pod)?.volumeClaims).toEqual(['team/data', 'team/logs']);
  });

  it('knows its controller', () => {
    const ownerReferences = [{ uid: 'other' }, { uid: 'rs', controller: true }];
    expect(podFacts({ metadata: { ...metadata, ownerReferences }, spec })?.owner).toBe('rs');
  });

  it('counts nothing for a VM that ended, and knows a refusal of the kubelet', () => {
    const facts = podFacts({ metadata, spec, status: { phase: 'Failed', reason: 'OutOfcpu' } });
    expect(facts).toMatchObject({ ended: true, needs: { amount: 0 }, plan: undefined });
    expect(facts?.refusal).toEqual({ uid: 'u', owner: 'u', node: 'a', at: Date.UTC(2026, 10, 21, 20) });
  });

  it.each([
    ['nothing yet', {}, 'none'],
    ['yes, though it runs nothing yet', { phase: 'Pending', startTime: '2026-11-21T20:00:10Z' }, 'accepted'],
    ['no', { phase: 'Failed', reason: 'OutOfcpu', startTime: '2026-11-21T20:00:10Z' }, 'refused'],
    ['yes, and it ended', { phase: 'Failed', startTime: '2026-11-21T20:00:10Z' }, 'accepted'],
  ])('knows that the kubelet has said %s', (_what, status, word) => {
    expect(podFacts({ metadata, spec, status })?.word).toBe(word);
  });

  it('dates a refusal by when the kubelet refused, not by when the pod began to wait', () => {
    const status = { phase: 'Failed', reason: 'OutOfcpu', startTime: '2026-11-21T20:09:00Z' };
    expect(podFacts({ metadata, spec, status })?.refusal?.at).toBe(Date.UTC(2026, 10, 21, 20, 9));
  });

  it('takes an end of another kind for no refusal', () => {
    expect(podFacts({ metadata, spec, status: { phase: 'Failed', reason: 'Evicted' } })?.refusal).toBeUndefined();
  });

  it('keeps nothing of a pod without a node', () => {
    expect(podFacts({ metadata, spec: {} })).toBeUndefined();
  });

  it('counts a VM whose GuestSpec cannot be read, though not what it takes', () => {
    expect(podFacts({ metadata: { uid: 'u', annotations: { [GUEST_ANNOTATION]: '{' } }, spec })?.needs.amount).toBe(0);
  });
}); // prettier-ignore

describe('readPlan', () => {
  it('reads what planText wrote', () => {
    expect(readPlan(planText(PLAN), NEEDS)).toEqual(PLAN);
  });

  it.each([
    ['nothing', undefined],
    ['what is not JSON', '{'],
    ['what is no object', '[]'],
    ['more than the VM needs', planText({ ...PLAN, zones: [{ id: 0, cpus: 0, amount: 65 }] })],
    ['less than nothing, to make up for more', '{"zones":[{"id":0,"cpus":0,"amount":100},{"id":1,"cpus":0,"amount":-50}],"functions":[]}'],
    ['CPUs the VM does not have', planText({ ...PLAN, zones: [{ id: 0, cpus: 1, amount: 64 }] })],
    ['more functions than the VM has', planText({ ...PLAN, functions: ['0000:3b:00.0'] })],
    ['a function that is none', '{"zones":[],"functions":[1]}'],
    ['a text of megabytes', planText(PLAN) + ' '.repeat(3_000)],
  ])('takes %s for no plan', (_title, text) => {
    expect(readPlan(text, NEEDS)).toBeUndefined();
  }); // prettier-ignore
});
