import { jest } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fakeKubelet, type FakeKubelet } from './fake-kubelet.ts';
import { fakeApi, type FakeApi, fakePod, type FakePod, processesOf, until, whyNot } from './rig.ts';
import { agentOn, ENDPOINT, owned, type RunningAgent, SLOT, UID, vmPod } from './running-agent.ts';

const FORGED_UID = '0a1b2c3d-0000-4000-8000-0000000f04ed';
const reason = whyNot();
const describeHere = reason === '' ? describe : describe.skip;

describeHere(`the agent and pods that pose as a VM's ${reason}`, () => {
  jest.setTimeout(60_000);
  let genuine: FakePod;
  let forged: FakePod;
  let kubelet: FakeKubelet;
  let api: FakeApi;
  let agent: RunningAgent;

  beforeEach(async () => {
    genuine = fakePod('pvtrue', UID);
    forged = fakePod('pvforged', FORGED_UID);
    kubelet = fakeKubelet(join(genuine.directory, 'kubelet'));
    await kubelet.start();
    api = fakeApi(vmPod());
    agent = await agentOn(join(genuine.directory, 'state-dir'), kubelet, api);
    await until('the plugin registers', () => agent.ready() === '');
  });
  afterEach(async () => {
    await agent.stop();
    kubelet.stop();
    for (const pod of [genuine, forged]) pod.clean();
  });

  const isReady = (): boolean => api.patches.some(({ body }) => body.status.conditions[0]?.status === 'True');
  const servedTo = (pod: FakePod): string => (existsSync(pod.argvFile) ? readFileSync(pod.argvFile, 'utf8') : '');

  async function allocate(): Promise<{ directory: string; tun: string }> {
    const { containerResponses } = await kubelet.allocate(ENDPOINT, SLOT);
    kubelet.pods = owned([]);
    return { directory: containerResponses[0]!.mounts[0]!.hostPath, tun: containerResponses[0]!.devices[0]!.hostPath };
  }

  /** Long enough for several tries of the agent's. */
  const aWhile = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 4000));

  test('T5: a pod of the same name, labels and annotations but another UID gets no argv, no network and no condition', async () => {
    const { directory, tun } = await allocate();
    api.pod = { ...vmPod(), metadata: { ...vmPod().metadata, uid: FORGED_UID } };
    genuine.launch(directory, tun);
    await aWhile();
    expect(servedTo(genuine)).toBe('');
    expect(processesOf(UID)).toEqual(['launcher']);
    expect(api.patches.filter(({ body }) => body.metadata.uid === UID)).toEqual([]);
    expect(isReady()).toBe(false);
    // The same launcher is served as soon as the API server names its pod.
    api.pod = vmPod();
    await until('QEMU runs', isReady, 30_000);
    expect(api.patches.at(-1)!.body.metadata.uid).toBe(UID);
  });

  test('T5: a process of another pod that holds the slot is not taken for the launcher', async () => {
    const { directory, tun } = await allocate();
    forged.launch(directory, tun);
    await aWhile();
    expect(servedTo(forged)).toBe('');
    expect(processesOf(FORGED_UID)).toEqual(['launcher']);
    expect(isReady()).toBe(false);
  });
});
