import { eventually } from '../../build/eventually.ts';
import { addNode, createPods, type PodTemplate, podsOf, vmTemplate, waitingReason } from './objects.ts';
import { startRig, type SchedulerRig } from './rig.ts';

/** The extender down, hung or slow, beside the scheduler that plain pods have in every cluster. The configuration is the one we install. */

const isSoak = process.env['PODVISOR_SOAK'] === '1';
const FAULT_MS = isSoak ? 60_000 : 3_000;
const VMS = isSoak ? 20 : 3;
const PLAIN = 20;
/** Longer than the scheduler's httpTimeout. */
const SLOW_MS = 3_000;

let rig: SchedulerRig;
beforeAll(async () => {
  rig = await startRig({ plainScheduler: true, throughLink: true });
  await addNode(rig.client, 'all-a', {});
}, 120_000);
afterAll(() => rig.stop(), 30_000);

const FAULTS = {
  down: { begin: () => rig.stopExtender(), end: () => rig.startExtender() },
  hung: { begin: () => rig.pauseExtender(), end: () => rig.resumeExtender() },
  slow: { begin: () => rig.link.delayAnswers(SLOW_MS), end: () => rig.link.delayAnswers(0) },
} as const;

/** A pod that is no VM and names no scheduler. */
function plainTemplate(round: string): PodTemplate {
  const resources = { limits: { cpu: '100m', memory: '64Mi' } };
  return { metadata: { labels: { round } }, spec: { containers: [{ name: 'main', image: 'x', resources }] } };
}

/** Seconds until all of them have a node. */
async function allBound(round: string): Promise<number> {
  const start = Date.now();
  const timeoutMs = 120_000;
  const isAll = async () => (await podsOf(rig.client, round)).every(({ spec }) => spec.nodeName !== undefined);
  await eventually(`all of ${round} are bound`, isAll, timeoutMs);
  return (Date.now() - start) / 1_000;
}

test.each(['down', 'hung', 'slow'] as const)(
  `W30: the extender is %s: plain pods are bound, VM pods wait with a reason, and all are placed when it is back`,
  async (fault) => {
    const { client } = rig;
    const [plain, vms] = [`plain-${fault}`, `vms-${fault}`];
    await FAULTS[fault].begin();
    await createPods(client, vms, VMS, vmTemplate('all', {}, {}, vms));
    await createPods(client, plain, PLAIN, plainTemplate(plain));
    const plainSeconds = await allBound(plain);
    await new Promise((resolve) => setTimeout(resolve, FAULT_MS));
    const waiting = await eventually('each VM pod has a reason', async () => {
      const pods = await podsOf(client, vms);
      return pods.every((pod) => waitingReason(pod).includes('podvisor-extender/filter')) ? pods : undefined;
    });
    expect(waiting.filter(({ spec }) => spec.nodeName !== undefined)).toEqual([]);
    await FAULTS[fault].end();
    const seconds = await allBound(vms);
    if (isSoak) {
      const figures = `${VMS} VMs all placed ${seconds.toFixed(1)} s after it; ${PLAIN} plain pods bound in ${plainSeconds.toFixed(1)} s meanwhile`;
      console.log(`extender ${fault} for ${FAULT_MS / 1_000} s: ${figures}; ${waitingReason(waiting[0]!)}`);
    }
  },
  300_000,
); // prettier-ignore
