import { Registry } from 'prom-client';
import type { NodeReportStatus } from '../../../../api/node-report.ts';
import { createReportMetrics } from '../../../../agent/report/metrics.ts';
import { keepReported } from '../../../../agent/report/report.ts';
import { createReportWriter } from '../../../../agent/report/writer.ts';
import { KubeError } from '../../../../kube/errors.ts';
import { silentLog } from '../../../../runtime/log.ts';
import { createFakeClock } from '../../../build/fake-clock.ts';
import { createFakeKube } from '../../../build/fake-kube.ts';
import { reportStatus } from '../../../build/node-report.ts';

const PATH = '/apis/podvisor.dev/v1alpha1/nodereports/node7';
const vm = { podUid: 'a', zones: [] };

function rig() {
  const kube = createFakeKube();
  const clock = createFakeClock();
  // Without the process metrics, which watch the event loop and the garbage collector: most of what a test here took.
  const metrics = { registry: new Registry() };
  const reportMetrics = createReportMetrics(metrics, () => clock.now());
  let status: NodeReportStatus = reportStatus();
  // The fake API server knows objects alone, and a review is none.
  const create = <T>(path: string, body: object): Promise<T> => {
    const extra = { 'authentication.kubernetes.io/node-uid': ['uid-7'] };
    const review = { status: { userInfo: { extra } } };
    return path.endsWith('/selfsubjectreviews') ? Promise.resolve(review as T) : kube.client.create<T>(path, body);
  };
  const reporter = () =>
    keepReported({
      reader: { read: () => Promise.resolve({ status, starting: false }) },
      writer: createReportWriter({ ...kube.client, create }, 'node7'),
      ...{ clock, random: () => 0, log: silentLog },
      metrics: reportMetrics,
    });
  const writes = (): string[] =>
    kube.requests.filter(({ method }) => method !== 'GET').map(({ method, path }) => `${method} ${path}`);
  const stored = () => (kube.peek(PATH) as { status?: NodeReportStatus } | undefined)?.status;
  return { kube, clock, metrics, reporter, writes, stored, become: (next: NodeReportStatus) => (status = next) };
}

it('a new node has its report made and filled; then nothing is written while nothing changes', async () => {
  const { kube, clock, reporter, writes, stored, metrics } = rig();
  const running = reporter();
  await clock.advance(0);
  expect(stored()).toEqual(reportStatus());
  const first = ['POST /apis/podvisor.dev/v1alpha1/nodereports', `PATCH ${PATH}`];
  expect(writes()).toEqual(first);
  const owner = { apiVersion: 'v1', kind: 'Node', name: 'node7', uid: 'uid-7' };
  expect(kube.peek(PATH)).toMatchObject({ metadata: { ownerReferences: [owner] } });
  await clock.advance(300_000);
  expect(writes()).toEqual(first);
  expect(kube.requests.filter(({ method }) => method === 'GET')).toHaveLength(6);
  expect(await metrics.registry.metrics()).toContain('podvisor_agent_report_writes_total 1');
  running.close();
});

it('a VM that comes is told once, soon', async () => {
  const { clock, reporter, writes, stored, become } = rig();
  const running = reporter();
  await clock.advance(60_000);
  const before = writes().length;
  become(reportStatus({ vms: [vm] }));
  running.changed();
  await clock.advance(4000);
  expect(stored()?.vms).toEqual([vm]);
  await clock.advance(60_000);
  expect(writes()).toHaveLength(before + 1);
  running.close();
});

it('an agent that was restarted writes nothing when the report says the same', async () => {
  const { clock, reporter, writes } = rig();
  const first = reporter();
  await clock.advance(0);
  first.close();
  const before = writes().length;
  const second = reporter();
  await clock.advance(120_000);
  expect(writes()).toHaveLength(before);
  second.close();
});

it('a report that somebody deleted is there again within a minute', async () => {
  const { kube, clock, reporter, stored } = rig();
  const running = reporter();
  await clock.advance(0);
  kube.remove(PATH);
  await clock.advance(60_000);
  expect(stored()).toEqual(reportStatus());
  running.close();
});

it('a report that is gone just when it is to be filled is made again', async () => {
  const { kube, clock, reporter, stored, become } = rig();
  const running = reporter();
  await clock.advance(0);
  kube.remove(PATH);
  become(reportStatus({ vms: [vm] }));
  running.changed();
  await clock.advance(15_000);
  expect(stored()?.vms).toEqual([vm]);
  running.close();
});

it('while the API server is away it is asked ever less often, and told the latest when it is back', async () => {
  const { kube, clock, reporter, stored, become, metrics } = rig();
  kube.onRequest = () => new KubeError(0, 'Unreachable', 'away');
  const running = reporter();
  await clock.advance(600_000);
  const asked = kube.requests.length;
  expect(asked).toBeLessThan(20);
  expect(await metrics.registry.metrics()).toContain('podvisor_agent_report_age_seconds -1');
  become(reportStatus({ vms: [vm] }));
  kube.onRequest = undefined;
  await clock.advance(61_000);
  expect(stored()?.vms).toEqual([vm]);
  running.close();
});

it('what a version with another schema wrote is written over', async () => {
  const { kube, clock, reporter, stored } = rig();
  const metadata = { name: 'node7' };
  kube.put({ apiVersion: 'podvisor.dev/v1alpha1', kind: 'NodeReport', metadata, status: { zones: 'old' } });
  const running = reporter();
  await clock.advance(0);
  expect(stored()).toEqual(reportStatus());
  running.close();
});
