import { type DeviceFacts, type HostDevices, hostDevicesOf } from '../../../agent/host-devices.ts';
import { claimedAddresses } from '../../../agent/resource-slices.ts';
import type { GuestSpec } from '../../../api/guest-spec.ts';
import type { KubeClient } from '../../../kube/client.ts';
import { guestSpec } from '../../build/guest.ts';

const GPU = 'nvidia.com/GA102-GL';
const UUID = '83b8f4f2-509f-382f-3c1e-e6bfe0fa1001';
const claim = { driver: 'gpu.example.com', pool: 'node-a', device: 'gpu-0' };
const gpus = (count: number): Partial<GuestSpec> => ({ hostDevices: [{ resource: GPU, count }] });

function facts({ ids = [], env = {}, claimed = [], address }: Wish = {}): DeviceFacts {
  return {
    holdings: { devices: new Map([[GPU, ids]]), claimed },
    environment: new Map(Object.entries(env)),
    addressOf: () => address,
  };
}

interface Wish {
  readonly ids?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly claimed?: readonly (typeof claim)[];
  readonly address?: string;
}

const devices = (...list: object[]) => ({ ok: true, devices: list });
const refused = (reason: string) => ({ ok: false, reason: expect.stringContaining(reason) as string });

test.each<[string, Partial<GuestSpec>, Wish, object]>([
  ['nothing is asked for', {}, {}, devices()],
  ['device ids are PCI addresses', gpus(2), { ids: ['0000:3b:00.0', '0000:5E:00.0'] }, devices({ pci: '0000:3b:00.0' }, { pci: '0000:5e:00.0' })],
  ['device ids are mediated devices', gpus(1), { ids: [UUID] }, devices({ mediated: UUID })],
  ['ids are IOMMU groups, the plugin says the address', gpus(1), { ids: ['17'], env: { PCI_RESOURCE_NVIDIA_COM_GA102_GL: '0000:3b:00.0' } }, devices({ pci: '0000:3b:00.0' })],
  ['an SR-IOV plugin says several', gpus(2), { ids: ['a', 'b'], env: { PCIDEVICE_NVIDIA_COM_GA102_GL: '0000:3b:00.1,0000:3b:00.2' } }, devices({ pci: '0000:3b:00.1' }, { pci: '0000:3b:00.2' })],
  ['a plugin of mediated devices', gpus(1), { ids: ['x'], env: { MDEV_PCI_RESOURCE_NVIDIA_COM_GA102_GL: UUID } }, devices({ mediated: UUID })],
  ['nobody says an address', gpus(1), { ids: ['17'] }, refused('neither the device ids (17) nor the variables PCIDEVICE_NVIDIA_COM_GA102_GL')],
  ['fewer than asked for', gpus(2), { ids: ['0000:3b:00.0'] }, refused('are 2 PCI addresses')],
  ['a tenant writes something into its environment', gpus(1), { ids: ['17'], env: { PCI_RESOURCE_NVIDIA_COM_GA102_GL: '0000:3b:00.0,x=y' } }, refused('neither')],
  ['a claimed device is a PCI function', { claims: ['c'] }, { claimed: [claim], address: '0000:3B:00.0' }, devices({ pci: '0000:3b:00.0' })],
  ['a claimed device is none', { claims: ['c'] }, { claimed: [claim] }, refused('device gpu.example.com/node-a/gpu-0 of a ResourceClaim has no PCI address')],
  ['the kubelet knows no claimed device', { claims: ['c'] }, {}, refused('names no device of the ResourceClaims')],
  ['a claim has more devices than a guest', { claims: ['c'] }, { claimed: Array.from({ length: 9 }, () => claim), address: '0000:3b:00.0' }, refused('9 devices')],
])('%s', (_, guest, wish, expected) => {
  const result: HostDevices = hostDevicesOf(guestSpec(guest), facts(wish));
  expect(result.ok ? { ok: true, devices: result.devices.map(({ address }) => address) } : result).toEqual(expected);
}); // prettier-ignore

test('every device says what it was asked for as', () => {
  const guest = guestSpec({ ...gpus(1), claims: ['c'] });
  const result = hostDevicesOf(guest, facts({ ids: ['0000:3b:00.0'], claimed: [claim], address: '0000:5e:00.0' }));
  expect(result.ok && result.devices.map(({ from }) => from)).toEqual([
    `resource ${GPU}`,
    'device gpu.example.com/node-a/gpu-0 of a ResourceClaim',
  ]);
});

test("claimed devices' addresses are read from the slices of their driver, in pages", async () => {
  const device = (name: string, address?: string) => ({
    name,
    attributes: address === undefined ? {} : { 'resource.kubernetes.io/pciBusID': { string: address } },
  });
  const slice = (pool: string, ...list: object[]) => ({ spec: { driver: claim.driver, pool: { name: pool }, devices: list } });
  const queries: unknown[] = [];
  const pages = [
    { metadata: { resourceVersion: '1', continue: 'more' }, items: [slice('node-b', device('gpu-0', '0000:ff:00.0'))] },
    { metadata: { resourceVersion: '1' }, items: [slice('node-a', device('gpu-1'), device('gpu-0', '0000:3b:00.0'))] },
  ];
  const get = (path: string, query: object) => {
    queries.push([path, query]);
    return Promise.resolve(pages[queries.length - 1]);
  };
  const addressOf = await claimedAddresses({ get } as unknown as KubeClient, [claim, claim]);
  expect(addressOf(claim)).toBe('0000:3b:00.0');
  expect(addressOf({ ...claim, device: 'gpu-1' })).toBeUndefined();
  expect(addressOf({ ...claim, pool: 'node-c' })).toBeUndefined();
  expect(queries).toHaveLength(2);
  expect(queries[0]).toEqual([
    '/apis/resource.k8s.io/v1/resourceslices',
    expect.objectContaining({ fieldSelector: 'spec.driver=gpu.example.com' }),
  ]);
});
