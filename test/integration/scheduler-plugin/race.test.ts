import { eventually } from '../../build/eventually.ts';
import { addNode, createPods, podsOf, type PodTemplate, removeRound, vmTemplate, waitingReason } from './objects.ts';
import { startRig, type SchedulerRig } from './rig.ts';

/**
 * Two kube-schedulers on one API server: the cluster's own places plain pods, ours VMs, each by what its watch shows of the other's bindings. How often do both give
 * away the last CPUs of a node? There is no kubelet here; what is bound beyond allocatable is what one would refuse (OutOfcpu).
 */

const isSoak = process.env['PODVISOR_SOAK'] === '1';
const ROUNDS = isSoak ? 100 : 1;
const CPUS = 4;

let rig: SchedulerRig;
beforeAll(async () => {
  rig = await startRig({ plainScheduler: true });
}, 120_000);
afterAll(() => rig.stop(), 30_000);

function plainTemplate(round: string): PodTemplate {
  const resources = { limits: { cpu: '1', memory: '128Mi' } };
  const spec = { nodeSelector: { round }, containers: [{ name: 'main', image: 'x', resources }] };
  return { metadata: { labels: { round } }, spec };
}

/** As many plain pods and as many VMs as the node has CPUs, each of one CPU, so many milliseconds apart; how many were bound too many. */
async function tooMany(round: string, gapMs: number): Promise<number> {
  const { client } = rig;
  await addNode(client, `${round}-a`, { cpu: String(CPUS) });
  const creating: Promise<void>[] = [];
  for (let index = 0; index < CPUS; index++) {
    creating.push(createPods(client, `${round}-plain${index}`, 1, plainTemplate(round)));
    await pause(gapMs);
    creating.push(createPods(client, `${round}-vm${index}`, 1, vmTemplate(round, { cpu: '1' })));
    await pause(gapMs);
  }
  await Promise.all(creating);
  const pods = await eventually(`all of ${round} are bound or told why not`, async () => {
    const all = await podsOf(client, round);
    return all.every((pod) => pod.spec.nodeName !== undefined || waitingReason(pod).includes('Insufficient cpu')) ? all : undefined;
  });
  await removeRound(client, round);
  return pods.filter(({ spec }) => spec.nodeName !== undefined).length - CPUS;
} // prettier-ignore

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test.each([
  ['all at once', 0],
  ['one each 20 ms', 20],
  ['one each 200 ms', 200],
])(`${2 * CPUS} pods of two schedulers at a node's last ${CPUS} CPUs, %s: all CPUs are given away, and each pod is bound or knows why not`, async (how, gapMs) => {
  const over: number[] = [];
  for (let index = 0; index < ROUNDS; index++) over.push(await tooMany(`race${gapMs}x${index}`, gapMs));
  expect(over.every((count) => count >= 0)).toBe(true);
  if (!isSoak) return;
  const rounds = over.filter((count) => count > 0).length;
  const pods = over.reduce((all, count) => all + count, 0);
  console.log(`${how}: in ${rounds} of ${ROUNDS} rounds more than fits, ${pods} of ${ROUNDS * CPUS * 2} pods a kubelet would refuse`);
}, 900_000); // prettier-ignore
