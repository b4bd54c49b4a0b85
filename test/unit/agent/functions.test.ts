import { functionAddresses, missingFunction } from '../../../agent/functions.ts';
import type { FileFacts } from '../../../agent/disks.ts';
import type { GivenDevice } from '../../../agent/host-devices.ts';
import { type FunctionWorld, prepareFunctions } from '../../../agent/prepare-functions.ts';
import type { VmFacts } from '../../../agent/slot-types.ts';
import type { GuestNetwork } from '../../../api/guest-spec.ts';
import { silentLog } from '../../../runtime/log.ts';
import { guestSpec } from '../../build/guest.ts';
import { vmFacts } from '../../build/vm-facts.ts';

const vf = (name: string, link: string): GuestNetwork => ({
  name,
  interface: link,
  binding: 'sriov',
  resource: 'example.com/vf',
});
const NETWORKS = [...guestSpec().networks, vf('team/fast', 'net1'), vf('team/fast', 'net2')];
const report = (link: string, address: unknown, more: object = {}): object => ({
  name: 'team/fast',
  interface: link,
  'device-info': { type: 'pci', version: '1.1.0', pci: { 'pci-address': address } },
  ...more,
});
const status = (...reports: unknown[]) => ({ 'k8s.v1.cni.cncf.io/network-status': JSON.stringify(reports) });

describe('functionAddresses', () => {
  it('goes by the interface, whatever the order', () => {
    const annotations = status(report('net2', '0000:3b:10.4'), { name: 'pods', default: true }, report('net1', '0000:3b:10.0'));
    expect(functionAddresses(annotations, NETWORKS)).toEqual({ net1: '0000:3b:10.0', net2: '0000:3b:10.4' });
  });

  it('takes the default network’s for the pod network', () => {
    const pod: GuestNetwork = { name: 'pod', interface: 'eth0', binding: 'sriov', resource: 'example.com/vf' };
    const annotations = status(report('eth0', '0000:3b:10.0', { default: true }));
    expect(functionAddresses(annotations, [pod])).toEqual({ eth0: '0000:3b:10.0' });
  });

  it('reads the annotation’s older name', () => {
    const annotations = { 'k8s.v1.cni.cncf.io/networks-status': JSON.stringify([report('net1', '0000:3b:10.0')]) };
    expect(functionAddresses(annotations, NETWORKS)).toEqual({ net1: '0000:3b:10.0' });
  });

  it.each<[string, Record<string, string>]>([
    ['no report', {}],
    ['no JSON', { 'k8s.v1.cni.cncf.io/network-status': '{' }],
    ['no list', { 'k8s.v1.cni.cncf.io/network-status': '{}' }],
    ['odd elements', status(null, 1, {}, { interface: 'net1', 'device-info': null })],
    ['an address that is none', status(report('net1', '../../x'), report('net2', 5))],
    ['an address with an option', status(report('net1', '0000:3b:10.0,x-igd=on'))],
  ])('%s: no address', (_, annotations) => expect(functionAddresses(annotations, NETWORKS)).toEqual({}));
});

it('missingFunction names the first that is not there', () => {
  expect(missingFunction(NETWORKS)?.interface).toBe('net1');
  expect(missingFunction(NETWORKS, { net1: '0000:3b:10.0' })?.interface).toBe('net2');
  expect(missingFunction(NETWORKS, { net1: '0000:3b:10.0', net2: '0000:3b:10.4' })).toBeUndefined();
  expect(missingFunction(guestSpec().networks)).toBeUndefined();
});

describe('prepareFunctions', () => {
  const launcher = { pid: 42, startTime: '1' };
  const vm = (functions: Record<string, string> = { net1: '0000:3b:10.0' }): VmFacts =>
    vmFacts({
      guest: guestSpec({ networks: [...guestSpec().networks, vf('team/fast', 'net1')] }),
      functions,
    });

  function world(paths: readonly string[], check: FunctionWorld['functions']['check']) {
    const done: string[] = [];
    const lstat = (path: string): FileFacts | undefined => {
      const known = ['/.', '/dev', '/dev/vfio', ...paths].includes(path.replace('/proc/42/root', ''));
      const device = /vfio\/./.test(path);
      return known ? { uid: 0, mode: 0o755, isDirectory: () => !device, isBlockDevice: () => false, isCharacterDevice: () => device } : undefined;
    };
    const made: FunctionWorld = {
      log: { ...silentLog, warn: (fields) => void done.push(JSON.stringify(fields)) },
      disks: { lstat, lchown: (path, uid) => void done.push(`${path} ${uid}`) },
      functions: { check, allowLocked: (_, bytes) => Promise.resolve(void done.push(`lock ${bytes / 1024 / 1024}`)) },
    };
    return { made, done };
  } // prettier-ignore

  it('gives the group to QEMU and lets it lock the guest’s memory', async () => {
    const { made, done } = world(['/dev/vfio/vfio', '/dev/vfio/41'], () => ({ ok: true, facts: { group: '41', numaNode: 0 } }));
    expect(await prepareFunctions(made, vm(), launcher, [])).toBeUndefined();
    expect(done).toEqual(['/proc/42/root/dev/vfio/vfio 107', '/proc/42/root/dev/vfio/41 107', 'lock 1152']);
  });

  it.each<[string, readonly string[], FunctionWorld['functions']['check'], object]>([
    ['no /dev/vfio', [], () => ({ ok: true, facts: { group: '41', numaNode: 0 } }), { reason: 'FunctionUnavailable', message: "network 'team/fast' (net1, example.com/vf): /dev/vfio/vfio does not exist in the launcher's container: its device plugin or driver must hand it out for vfio-pci" }],
    ['not its group', ['/dev/vfio/vfio'], () => ({ ok: true, facts: { group: '41', numaNode: 0 } }), { reason: 'FunctionUnavailable', message: expect.stringContaining('/dev/vfio/41 does not exist') }],
    ['what sysfs says', [], () => ({ ok: false, reason: 'the node has no PCI function 0000:3b:10.0' }), { reason: 'FunctionUnavailable', message: "network 'team/fast' (net1, example.com/vf): the node has no PCI function 0000:3b:10.0" }],
  ])('says why not: %s', async (_, paths, check, ending) => {
    const { made, done } = world(paths, check);
    expect(await prepareFunctions(made, vm(), launcher, [])).toEqual(ending);
    expect(done.filter((line) => line.startsWith('lock'))).toEqual([]);
  }); // prettier-ignore

  it('says that memory cannot be locked, and for which device', async () => {
    const { made } = world(['/dev/vfio/vfio', '/dev/vfio/41'], () => ({ ok: true, facts: { group: '41', numaNode: 0 } }));
    const allowLocked = (): Promise<void> => Promise.reject(new Error('prlimit: Operation not permitted'));
    const refusing = { ...made, functions: { ...made.functions, allowLocked } };
    expect(await prepareFunctions(refusing, vm(), launcher, [])).toEqual({
      reason: 'FunctionUnavailable',
      message:
        "network 'team/fast' (net1, example.com/vf): the guest's RAM cannot be locked, which VFIO needs: prlimit: Operation not permitted",
    });
  });

  it('waits for Multus’ report', async () => {
    const { made } = world([], () => ({ ok: false, reason: 'never asked' }));
    const ending = await prepareFunctions(made, vm({}), launcher, []);
    expect(ending).toMatchObject({
      reason: 'NetworkPending',
      message: expect.stringContaining('network-status (device-info) yet'),
    });
  });

  const GPU: GivenDevice = { from: 'resource example.com/gpu', address: { pci: '0000:5e:00.0' } };

  it('treats given devices as the functions of networks, whose memory counts once', async () => {
    const asked: unknown[] = [];
    const { made, done } = world(['/dev/vfio/vfio', '/dev/vfio/41', '/dev/vfio/60'], (device) => {
      asked.push(device);
      return { ok: true, facts: 'pci' in device ? { group: '41', numaNode: 0 } : { group: '60', numaNode: 1 } };
    });
    const mediated = { mediated: '83b8f4f2-509f-382f-3c1e-e6bfe0fa1001' };
    expect(await prepareFunctions(made, vm(), launcher, [GPU, { from: 'x', address: mediated }])).toBeUndefined();
    expect(asked).toEqual([{ pci: '0000:3b:10.0' }, { pci: '0000:5e:00.0' }, mediated]);
    expect(done).toContain('/proc/42/root/dev/vfio/60 107');
    expect(done).toContain('{"pod":"team/vm","reason":"NUMA nodes 0, 1"}');
    expect(done.filter((line) => line.startsWith('lock'))).toEqual(['lock 1152']);
  });

  it.each<[string, FunctionWorld['functions']['check'], string]>([
    ['what sysfs says', () => ({ ok: false, reason: 'PCI function 0000:5e:00.0 is bound to driver nvidia' }), 'resource example.com/gpu: PCI function 0000:5e:00.0 is bound to driver nvidia'],
    ['no group in the container', () => ({ ok: true, facts: { group: '41', numaNode: 0 } }), "resource example.com/gpu: /dev/vfio/vfio does not exist in the launcher's container: its device plugin or driver must hand it out for vfio-pci"],
  ])('says why a given device cannot be had: %s', async (_, check, message) => {
    const { made, done } = world([], check);
    expect(await prepareFunctions(made, vmFacts(), launcher, [GPU])).toEqual({ reason: 'DeviceUnavailable', message });
    expect(done).toEqual([]);
  }); // prettier-ignore

  it('does nothing for a guest without functions', async () => {
    const { made, done } = world([], () => ({ ok: false, reason: 'never asked' }));
    expect(await prepareFunctions(made, vmFacts(), launcher, [])).toBeUndefined();
    expect(done).toEqual([]);
  });
});
