import fc from 'fast-check';
import type { ExtenderPod, Verdict } from '../../../scheduler-plugin/protocol.ts';
import type { Scored, Scores } from '../../../scheduler-plugin/score.ts';
import { createShortlist, hasPreferences, nodesToScore, shortlist } from '../../../scheduler-plugin/shortlist.ts';

test.each([
  [0, 0],
  [99, 99],
  [100, 100],
  [220, 107],
  [1_000, 420],
  [5_000, 500],
  [6_000, 300],
  [15_000, 750],
])('of %d nodes kube-scheduler scores %d', (nodes, expected) => {
  expect(nodesToScore(nodes)).toBe(expected);
});

const totals = fc.array(fc.integer({ min: 0, max: 10 }), { minLength: 1, maxLength: 60, size: 'max' });
const turn = fc.nat({ max: 1_000 });

test('a shortlist has as many nodes as asked for, each once, and no better one than its best half was left out', () => {
  fc.assert(
    fc.property(totals, fc.nat({ max: 59 }), turn, (scores, length, start) => {
      const most = Math.min(length, scores.length);
      const chosen = shortlist(scores, most, start);
      expect(new Set(chosen).size).toBe(most);
      const best = chosen.map((index) => scores[index]!).sort((a, b) => b - a);
      const all = [...scores].sort((a, b) => b - a);
      const half = Math.ceil(most / 2);
      expect(best.slice(0, half)).toEqual(all.slice(0, half));
    }),
  );
});

test('half of a shortlist stands for all nodes: each has its turn, the worst of them too', () => {
  const scores = Array.from({ length: 300 }, (_, index) => (index < 150 ? 10 : 0));
  const shown = new Set([0, 50, 100, 150, 200, 250].flatMap((start) => shortlist(scores, 100, start)));
  expect(shown.size).toBe(300);
});

const scored = (name: string, fields: Partial<Scored> = {}): Verdict & Scored => {
  return { name, reason: '', fit: undefined, cpu: undefined, vms: 0, hasImage: false, ...fields };
};
/** Node 7 is the best. */
const scoresOf = (nodes: readonly Scored[]): Scores => {
  return { nodes, totals: Uint8Array.from(nodes, ({ name }) => (name === 'node-7' ? 10 : 5)), told: [] };
};

function told(verdicts: readonly Verdict[], { pod = {}, mode = 'some' }: { pod?: ExtenderPod; mode?: 'some' | 'all' } = {}) {
  const request = { pod, names: verdicts.map(({ name }) => name) };
  return createShortlist(mode).of({ request, verdicts }, scoresOf);
}

describe('of 220 nodes that pass', () => {
  const verdicts = Array.from({ length: 220 }, (_, index) => scored(`node-${index}`));

  it('the scheduler is told 107, the best among them', () => {
    const { request, verdicts: kept } = told(verdicts);
    expect(request.names).toHaveLength(107);
    expect(request.names).toContain('node-7');
    expect(kept.map(({ name }) => name)).toEqual(request.names);
  });

  it('whole nodes are told as the names are', () => {
    const objects = verdicts.map(({ name }) => ({ metadata: { name } }));
    const names = verdicts.map(({ name }) => name);
    const { request } = createShortlist('some').of({ request: { pod: {}, names, objects }, verdicts }, scoresOf);
    expect(request.objects?.map(({ metadata }) => metadata?.name)).toEqual(request.names);
  });

  it('all are told with --score-nodes=all', () => {
    expect(told(verdicts, { mode: 'all' }).request.names).toHaveLength(220);
  });

  it('all are told when the pod prefers nodes by rules of Kubernetes', () => {
    const spec: object = { affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1 }] } } };
    expect(told(verdicts, { pod: { spec } }).request.names).toHaveLength(220);
  });

  it('the next pod is told others', () => {
    const list = createShortlist('some');
    const request = { pod: {}, names: verdicts.map(({ name }) => name) };
    const first = list.of({ request, verdicts }, scoresOf).request.names;
    const second = list.of({ request, verdicts }, scoresOf).request.names;
    expect(second).not.toEqual(first);
    expect(second).toContain('node-7');
  });
});

test('every refused node keeps its reason, and of no more than the scheduler would score all are told', () => {
  const verdicts = Array.from({ length: 220 }, (_, index) => {
    return index < 100 ? scored(`node-${index}`) : { name: `node-${index}`, reason: 'full' };
  });
  expect(told(verdicts).verdicts).toEqual(verdicts);
  const more = verdicts.map((one, index) => (index < 150 ? scored(`node-${index}`) : one));
  const { verdicts: kept } = told(more);
  expect(kept.filter(({ reason }) => reason === '')).toHaveLength(107);
  expect(kept.filter(({ reason }) => reason === 'full')).toHaveLength(70);
});

test.each<[string, unknown, boolean]>([
  ['no rules', {}, false],
  ['nonsense', { affinity: 3, topologySpreadConstraints: 'x' }, false],
  ['required affinity', { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: {} } } }, false],
  ['a preferred neighbour', { affinity: { podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{}] } } }, true],
  ['an avoided neighbour', { affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{}] } } }, true],
  ['an empty preference', { affinity: { podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } } }, false],
  ['spread that must be', { topologySpreadConstraints: [{ whenUnsatisfiable: 'DoNotSchedule' }] }, false],
  ['spread that should be', { topologySpreadConstraints: [{ whenUnsatisfiable: 'ScheduleAnyway' }] }, true],
])('%s', (_what, spec, expected) => {
  expect(hasPreferences({ spec: spec as object })).toBe(expected);
});
