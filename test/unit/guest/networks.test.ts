import { type Nic, networkArguments, queuesFor } from '../../../guest/networks.ts';

const MAC = '02:00:00:00:00:01';

test.each<[string, Nic, string[]]>([
  ['a tap', { mac: MAC, tap: 'pvtap0', mtu: 1450 }, ['tap,id=net0,ifname=pvtap0,script=no,downscript=no,vhost=on', `virtio-net-pci,id=nic0,netdev=net0,mac=${MAC},addr=0x08,disable-legacy=on,romfile=,host_mtu=1450`]],
  ['a tap with four queues', { mac: MAC, tap: 'pvtap0', queues: 4 }, ['tap,id=net0,ifname=pvtap0,script=no,downscript=no,vhost=on,queues=4', `virtio-net-pci,id=nic0,netdev=net0,mac=${MAC},addr=0x08,disable-legacy=on,romfile=,mq=on,vectors=10`]],
  ['a socket', { mac: MAC, socket: '/run/podvisor/net/passt0.sock' }, ['stream,id=net0,server=off,addr.type=unix,addr.path=/run/podvisor/net/passt0.sock,reconnect-ms=1000', `virtio-net-pci,id=nic0,netdev=net0,mac=${MAC},addr=0x08,disable-legacy=on,romfile=`]],
])('%s', (_, nic, [netdev, device]) => {
  expect(networkArguments([nic], true)).toEqual(['-netdev', netdev, '-device', device]);
}); // prettier-ignore

test('a PCI function', () => {
  expect(networkArguments([{ address: '0000:3b:02.6' }], true)).toEqual(['-device', 'vfio-pci,id=nic0,host=0000:3b:02.6,addr=0x08,rombar=0']);
}); // prettier-ignore

test.each<[string, Nic]>([
  ['no MAC address', { mac: '02:00', tap: 'pvtap0' }],
  ['a multicast MAC address', { mac: '01:00:00:00:00:01', socket: '/run/x' }],
  ['an interface with an option', { mac: MAC, tap: 'pvtap0,fd=3' }],
  ['an MTU below IPv4’s', { mac: MAC, tap: 'pvtap0', mtu: 60 }],
  ['a path with an option', { mac: MAC, socket: '/run/x,server=on' }],
  ['a relative path', { mac: MAC, socket: 'x' }],
  ['no PCI address', { address: '3b:02.6' }],
  ['a PCI address with an option', { address: '0000:3b:02.6,x=y' }],
])('refuses %s', (_, nic) => expect(() => networkArguments([nic], false)).toThrow('not a'));

test.each([[1, 1], [8, 8], [255, 255], [400, 256]])('%d vCPUs: %d queues', (vcpus, queues) => expect(queuesFor(vcpus)).toBe(queues)); // prettier-ignore
