import { jest } from '@jest/globals';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { GUEST_ANNOTATION, PLAN_ANNOTATION } from '../../../api/names.ts';
import { planText } from '../../../api/placement-plan.ts';
import type { GuestSpec } from '../../../api/guest-spec.ts';
import { agentOn, ENDPOINT, NODE, owned, type RunningAgent, SLOT, UID, vmPod } from './running-agent.ts';
import { guestSpec } from '../../build/guest.ts';
import { fakeKubelet, type FakeKubelet } from './fake-kubelet.ts';
import { fakeApi, type FakeApi, fakePod, type FakePod, killAll, plugGuest, processesOf, run, until, whyNot } from './rig.ts';

const reason = whyNot();
const describeHere = reason === '' ? describe : describe.skip;

describeHere(`the agent with a real launcher, network and QEMU ${reason}`, () => {
  jest.setTimeout(60_000);
  let pod: FakePod;
  let kubelet: FakeKubelet;
  let api: FakeApi;
  let agent: RunningAgent | undefined;
  let stateDir: string;
  let given: number[] = [];
  let held: Parameters<typeof owned>[1];

  beforeEach(async () => {
    given = [];
    held = {};
    pod = fakePod('pvagent', UID);
    stateDir = join(pod.directory, 'state-dir');
    kubelet = fakeKubelet(join(pod.directory, 'kubelet'));
    await kubelet.start();
    api = fakeApi(vmPod());
    agent = await agentOn(stateDir, kubelet, api);
    await until('the plugin registers', () => agent!.ready() === '');
  });
  afterEach(async () => {
    await agent?.stop();
    kubelet.stop();
    pod.clean();
  });

  async function startVm() {
    const answer = await kubelet.allocate(ENDPOINT, SLOT);
    kubelet.pods = owned(given, held);
    const [container] = answer.containerResponses;
    const directory = container!.mounts[0]!.hostPath;
    const launcher = pod.launch(directory, container!.devices[0]!.hostPath);
    return { answer, directory, launcher };
  }
  const ready = () => api.patches.at(-1)?.body.status.conditions.find(({ type }) => type === 'podvisor.dev/guest-ready');
  const reasons = () => api.events.map((event) => event.reason);

  test('the kubelet is offered TCG slots, and again after its restart', async () => {
    expect(kubelet.registered).toMatchObject([{ version: 'v1beta1', endpoint: ENDPOINT, resourceName: 'podvisor.dev/tcg' }]);
    expect(await kubelet.devices(ENDPOINT)).toHaveLength(5);
    kubelet.stop();
    await kubelet.start();
    await until('it registers again', () => kubelet.registered.length === 2);
    expect(await kubelet.devices(ENDPOINT)).toHaveLength(5);
  });

  test('an allocation is a read-only slot and device nodes of ours', async () => {
    const { containerResponses } = await kubelet.allocate(ENDPOINT, SLOT);
    expect(containerResponses[0]!.mounts).toEqual([
      { containerPath: '/run/podvisor', hostPath: join(stateDir, 'slots', SLOT), readOnly: true },
    ]);
    expect(containerResponses[0]!.devices).toContainEqual({
      containerPath: '/dev/net/tun',
      hostPath: join(stateDir, 'dev/tun'),
      permissions: 'rw',
    });
    expect(run('stat', '-c', '%a %F', join(stateDir, 'dev/tun')).trim()).toBe('666 character special file');
    expect(run('stat', '-c', '%a %F', ...['status', 'argv', 'qmp.sock'].map((file) => join(stateDir, 'slots', SLOT, file)))).toBe(
      '666 fifo\n644 fifo\n666 socket\n',
    );
    await expect(kubelet.allocate(ENDPOINT, '../../etc')).rejects.toThrow('not a slot of this node');
  });

  test('a launcher gets its argv, the guest its network, the pod its conditions', async () => {
    await startVm();
    await until('QEMU runs', () => ready()?.status === 'True');
    const argv = readFileSync(pod.argvFile, 'utf8').split('\n');
    expect(argv[0]).toBe('podvisor-argv 1 grace=30');
    expect(argv).toContain('qemu-system-x86_64');
    expect(api.patches).toHaveLength(1);
    expect(api.patches[0]!.path).toBe('/api/v1/namespaces/team/pods/vm');
    expect(api.patches[0]!.body.metadata.uid).toBe(UID);
    await until('the start is told', () => api.events.length > 0);
    expect(reasons()).toEqual(['GuestStarted']);
    expect(processesOf(UID).toSorted()).toEqual(['dnsmasq', 'launcher', 'qemu-system-x86']);
    expect(agent!.counts()).toEqual({ inUse: 1, connected: 1 });
  });

  /** A pod whose guest has dedicated CPUs, of which the kubelet gave it these. */
  function want(fields: Partial<GuestSpec>): void {
    const annotations = { [GUEST_ANNOTATION]: JSON.stringify(guestSpec(fields)) };
    api.pod = { ...vmPod(), metadata: { ...vmPod().metadata, annotations } };
  }
  function dedicate(emulatorThreads: 'share' | 'isolate', cpuIds: number[]): void {
    want({ dedicatedCpus: { emulatorThreads } });
    given = cpuIds;
  }
  const shares = (): string[] => {
    const pid = readdirSync('/proc').find((name) => {
      if (!/^\d+$/.test(name)) return false;
      return (
        readFileSync(`/proc/${name}/comm`, 'utf8').startsWith('qemu-system') &&
        readFileSync(`/proc/${name}/cgroup`, 'utf8').includes(UID)
      );
    });
    const allowed = (tid: string) =>
      /^Cpus_allowed_list:\s+(\S+)/m.exec(readFileSync(`/proc/${pid ?? ''}/task/${tid}/status`, 'utf8'))?.[1] ?? '';
    return readdirSync(`/proc/${pid ?? ''}/task`)
      .map(allowed)
      .toSorted();
  };

  test('a vCPU thread is pinned to its CPU, the other threads are left where they are', async () => {
    dedicate('share', [1]);
    await startVm();
    await until('QEMU runs', () => ready()?.status === 'True');
    await until('one thread is pinned', () => shares().filter((cpus) => cpus === '1').length === 1);
    expect(new Set(shares()).size).toBe(2);
    expect(reasons()).not.toContain('CpuPinningFailed');
  });

  test('isolated emulator threads are on one CPU, the vCPU on the other, also for a new agent', async () => {
    dedicate('isolate', [0, 1]);
    await startVm();
    await until('QEMU runs', () => ready()?.status === 'True');
    const apart = () =>
      shares().filter((cpus) => cpus === '0').length === 1 && shares().every((cpus) => ['0', '1'].includes(cpus));
    await until('the vCPU is apart', apart);
    await agent!.stop();
    agent = await agentOn(stateDir, kubelet, api);
    await until('QEMU is connected again', () => agent!.counts().connected === 1);
    await until('the vCPU is still apart', apart);
  });

  test('a guest with dedicated CPUs does not start where the kubelet gives none, and the pod says what to do', async () => {
    dedicate('share', []);
    await startVm();
    await until('the pod is told', () => ready()?.reason === 'CpusNotDedicated');
    expect(ready()?.message).toContain('cpuManagerPolicy: static');
    expect(processesOf(UID)).not.toContain('qemu-system-x86');
  });

  /** A pod of 64 huge pages, planned in that zone. The launcher of these tests starts a QEMU of its own, which needs none. */
  function plan(zone: number, fields: Partial<GuestSpec> = {}): void {
    want({ hugepages: '2Mi', ...fields });
    const text = planText({ zones: [{ id: zone, cpus: 0, amount: 64 }], functions: [] });
    api.pod = { ...api.pod, metadata: { ...api.pod.metadata, annotations: { ...api.pod.metadata.annotations, [PLAN_ANNOTATION]: text } } };
  } // prettier-ignore

  test('a guest that requires its zone does not start while the zone lacks its pages, and the pod says so', async () => {
    plan(0, { placement: { hugepages: 'require' } });
    await startVm();
    await until('the pod is told', () => ready()?.reason === 'MemoryUnavailable');
    expect(ready()?.message).toContain(
      'must be in zone 0 as planned, and cannot: zone 0 has 0 2Mi pages free, 64 2Mi pages were',
    );
    expect(processesOf(UID)).not.toContain('qemu-system-x86');
  });

  test('T27: a plan of a zone that the container cannot have stops no guest; the Event of its start says so', async () => {
    plan(7);
    await startVm();
    await until('the start is told', () => api.events.length > 0);
    expect(api.events).toMatchObject([{ reason: 'GuestStarted', type: 'Warning' }]);
    expect(api.events[0]!.note).toContain(
      'Its memory is not bound to zone 7 as planned: the container may have memory of zone 0 only.',
    );
    expect(api.patches).toHaveLength(1);
  });

  // A function no machine has: up to sysfs everything is real.
  test('a device of a device plugin is looked for by the kubelet’s id, and the pod is told what is missing', async () => {
    want({ hostDevices: [{ resource: 'example.com/gpu', count: 1 }] });
    held = { devices: [{ resourceName: 'example.com/gpu', deviceIds: ['0000:fe:00.0'] }] };
    await startVm();
    await until('the pod is told', () => ready()?.reason === 'DeviceUnavailable');
    expect(ready()?.message).toContain('resource example.com/gpu: the node has no PCI function 0000:fe:00.0');
    expect(processesOf(UID)).not.toContain('qemu-system-x86');
  });

  test('a device of a ResourceClaim is looked for by the address in its driver’s slice', async () => {
    want({ claims: ['gpu'] });
    const attributes = { 'resource.kubernetes.io/pciBusID': { string: '0000:fe:00.0' } };
    api.slices = [{ spec: { driver: 'gpu.example.com', pool: { name: NODE }, devices: [{ name: 'gpu-0', attributes }] } }];
    const claimResources = [{ driverName: 'gpu.example.com', poolName: NODE, deviceName: 'gpu-0' }];
    held = { dynamicResources: [{ claimName: 'gpu', claimNamespace: 'team', claimResources }] };
    await startVm();
    await until('the pod is told', () => ready()?.reason === 'DeviceUnavailable');
    expect(ready()?.message).toContain(
      `device gpu.example.com/${NODE}/gpu-0 of a ResourceClaim: the node has no PCI function 0000:fe:00.0`,
    );
  });

  test('a guest takes its address by DHCP and is reached through the pod from outside and over loopback', async () => {
    await startVm();
    await until('QEMU runs', () => ready()?.status === 'True');
    const mac = /mac=([0-9a-f:]+)/.exec(readFileSync(pod.argvFile, 'utf8'))?.[1] ?? '';
    const guest = plugGuest(pod, mac);
    try {
      expect(guest.lease).toMatchObject({ ip: '10.0.2.2', router: '10.0.2.1', dns: '10.96.0.10', mtu: '1450', hostname: 'vm' });
      expect(pod.outside('busybox', 'wget', '-qO-', 'http://10.99.0.2/')).toBe('from the guest\n');
      expect(pod.inside('busybox', 'wget', '-qO-', 'http://127.0.0.1/')).toBe('from the guest\n');
      guest.run('busybox', 'ping', '-c1', '-W2', '10.99.0.1');
    } finally {
      guest.unplug();
    }
  });

  test('the agent comes back to a running guest and writes nothing', async () => {
    await startVm();
    await until('QEMU runs', () => ready()?.status === 'True');
    await until('the start is told', () => api.events.length > 0);
    await agent!.stop();
    agent = await agentOn(stateDir, kubelet, api);
    await until('QEMU dials again', () => agent!.counts().connected === 1);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect([api.patches.length, api.events.length]).toEqual([1, 1]);
    expect(processesOf(UID)).toContain('dnsmasq');
  });

  test('a launcher that waited while the agent was away is served', async () => {
    const { containerResponses } = await kubelet.allocate(ENDPOINT, SLOT);
    kubelet.pods = owned(given, held);
    await agent!.stop();
    pod.launch(containerResponses[0]!.mounts[0]!.hostPath, containerResponses[0]!.devices[0]!.hostPath);
    await new Promise((resolve) => setTimeout(resolve, 500));
    agent = await agentOn(stateDir, kubelet, api);
    await until('QEMU runs', () => ready()?.status === 'True');
  });

  test('a container starts again while the API server is away; what it missed is told when it is back', async () => {
    const { directory, answer, launcher } = await startVm();
    await until('QEMU runs', () => ready()?.status === 'True');
    api.away = true;
    killAll(UID, 'qemu-system-x86');
    await new Promise((resolve) => launcher.once('exit', resolve));
    pod.launch(directory, answer.containerResponses[0]!.devices[0]!.hostPath);
    await until('QEMU dials', () => agent!.counts().connected === 1);
    killAll(UID, 'qemu-system-x86');
    await until('QEMU is gone', () => agent!.counts().connected === 0);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(api.patches).toHaveLength(1);
    api.away = false;
    await until('the end is told', () => ready()?.reason === 'QemuFailed', 30_000);
  });

  test('a QEMU that dies is told with its reason; the slot of a pod that is gone is freed', async () => {
    const { launcher } = await startVm();
    await until('QEMU runs', () => ready()?.status === 'True');
    killAll(UID, 'qemu-system-x86');
    await new Promise((resolve) => launcher.once('exit', resolve));
    await until('the end is told', () => ready()?.status === 'False');
    expect(ready()).toMatchObject({ reason: 'QemuFailed', message: 'QEMU ended with code 137' });
    expect(reasons()).toEqual(['GuestStarted', 'QemuFailed']);
    kubelet.pods = [];
    await until('the slot is free', () => agent!.counts().inUse === 0, 45_000);
    expect([...readdirSync(join(stateDir, 'slots')), ...readdirSync(join(stateDir, 'state'))]).toEqual([]);
    expect(processesOf(UID)).toEqual([]);
  });

  test('a pod that is being deleted costs no write at its end', async () => {
    await startVm();
    await until('QEMU runs', () => ready()?.status === 'True');
    await until('the start is told', () => api.events.length > 0);
    api.pod = { ...api.pod, metadata: { ...api.pod.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
    killAll(UID);
    await new Promise((resolve) => setTimeout(resolve, 6000));
    expect([api.patches.length, api.events.length]).toEqual([1, 1]);
    expect(existsSync(join(stateDir, 'slots', SLOT))).toBe(true);
  });
});
