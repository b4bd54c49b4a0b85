import { netmaskOf } from '../../../../agent/network/dhcp.ts';
import { type Link, parseGateway } from '../../../../agent/network/facts.ts';
import { networkPlan } from '../../../../agent/network/plan.ts';
import type { NetworkFacts } from '../../../../agent/network/part.ts';
import type { VmFacts } from '../../../../agent/slot-types.ts';
import type { GuestNetwork } from '../../../../api/guest-spec.ts';
import { guestSpec } from '../../../build/guest.ts';
import { ETH0, vmFacts } from '../../../build/vm-facts.ts';

const NET1: Link = { name: 'net1', mac: '02:aa:bb:cc:dd:ee', mtu: 1500, kind: 'macvlan', alias: '', ipv4: ['192.168.7.3'], cidrs: ['192.168.7.3/24'] }; // prettier-ignore
const FACTS: NetworkFacts = {
  links: [ETH0, NET1],
  gateway: '10.244.1.1',
  ipv6: true,
  dns: { servers: ['10.96.0.10'], searches: ['a.b', 'c.d'] },
  sockets: '/slots/tcg-0/net',
};
const POD: GuestNetwork = { name: 'pod', interface: 'eth0', binding: 'masquerade' };

function vmWith(networks: GuestNetwork[], change: Partial<VmFacts> = {}, vcpus = 1): VmFacts {
  return vmFacts({ ...change, guest: guestSpec({ networks, vcpus }) });
}

function planOf(vm: VmFacts, change: Partial<NetworkFacts> = {}) {
  const result = networkPlan(vm, { ...FACTS, ...change });
  if (!result.ok) throw new Error(result.reason);
  return result.plan;
}

function refusal(vm: VmFacts, change: Partial<NetworkFacts> = {}): string {
  const result = networkPlan(vm, { ...FACTS, ...change });
  return result.ok ? 'planned' : result.reason;
}

describe('bridge on the pod network', () => {
  const vm = vmWith([{ ...POD, binding: 'bridge' }]);

  test('gives the guest the pod’s MAC, address and way out', () => {
    const { ip, sysctls, nft, helpers, nics } = planOf(vm);
    const dhcp = helpers.flatMap(({ args }) => args).filter((arg) => /dhcp-(range|host|option)|shared/.test(arg));
    expect([...ip, '', ...sysctls, '', nft, ...dhcp, JSON.stringify(nics)].join('\n')).toMatchInlineSnapshot(`
     "tuntap add dev pvtap0 mode tap user 107 group 107
     link set dev pvtap0 mtu 1450
     link add name pvbr0 address 02:3c:8c:83:1d:d2 mtu 1450 type bridge stp_state 0 forward_delay 0 mcast_snooping 0
     link set dev pvtap0 master pvbr0
     link set dev eth0 down
     link set dev eth0 alias podvisor:0a:58:0a:f4:01:05|10.244.1.5/24|10.244.1.1
     link set dev eth0 address 02:71:4c:6b:b4:c3
     address flush dev eth0
     link set dev eth0 master pvbr0
     link set dev eth0 type bridge_slave learning off
     link set dev eth0 up
     address add 192.0.0.8/32 dev pvbr0
     link set dev pvtap0 up
     link set dev pvbr0 up
     route add 10.244.1.5/32 dev pvbr0

     net/ipv4/conf/pvbr0/route_localnet
     net/ipv6/conf/pvbr0/disable_ipv6
     net/ipv6/conf/pvtap0/disable_ipv6
     net/ipv6/conf/eth0/disable_ipv6

     table bridge podvisor
     delete table bridge podvisor
     table bridge podvisor {
       chain guest {
         type filter hook prerouting priority -300; policy accept;
         iifname "pvtap0" ether saddr != 0a:58:0a:f4:01:05 drop
         iifname "pvtap0" ether type != { ip, arp } drop
         iifname "pvtap0" ip saddr != { 0.0.0.0, 10.244.1.5 } drop
         iifname "pvtap0" arp saddr ether != 0a:58:0a:f4:01:05 drop
         iifname "pvtap0" arp saddr ip != { 0.0.0.0, 10.244.1.5 } drop
         iifname "pvtap0" ip daddr 192.0.0.8 meta pkttype set host ether daddr set 02:3c:8c:83:1d:d2
         iifname "eth0" ip saddr 192.0.0.8 drop
         iifname "eth0" ether saddr 0a:58:0a:f4:01:05 drop
       }
       chain through {
         type filter hook forward priority 0; policy accept;
         udp dport { 67, 68 } drop
         arp daddr ip 192.0.0.8 drop
       }
       chain own {
         type filter hook output priority 0; policy accept;
         oifname "eth0" drop
       }
     }
     table ip podvisor
     delete table ip podvisor
     table ip podvisor {
       chain loopback {
         type nat hook output priority -100; policy accept;
         ip daddr { 127.0.0.0/8, 10.244.1.5 } oifname { "lo", "pvbr0" } meta l4proto { tcp, udp, sctp } dnat to 10.244.1.5
       }
       chain outbound {
         type nat hook postrouting priority srcnat; policy accept;
         oifname "pvbr0" ip saddr 127.0.0.0/8 snat to 192.0.0.8
       }
     }

     --dhcp-range=10.244.1.5,static,255.255.255.0,infinite
     --dhcp-host=0a:58:0a:f4:01:05,10.244.1.5,vm,infinite
     --dhcp-option=option:router,10.244.1.1
     --dhcp-option=option:mtu,1450
     --dhcp-option=option:dns-server,10.96.0.10
     --dhcp-option=option:domain-name,a.b
     --dhcp-option=option:domain-search,a.b,c.d
     --shared-network=pvbr0,10.244.1.5
     [{"mac":"0a:58:0a:f4:01:05","tap":"pvtap0","queues":1,"mtu":1450}]"
    `);
  });

  test('again after a restart of the container, when the pod’s interface has lost all it had', () => {
    const first = planOf(vm);
    const alias = first.ip.map((line) => / alias (.*)/.exec(line)?.[1]).find((one) => one !== undefined);
    const links: Link[] = [
      { ...ETH0, mac: '02:00:00:00:00:01', alias: alias!, ipv4: [], cidrs: [] },
      { ...ETH0, name: 'pvtap0', kind: 'tun' },
      { ...ETH0, name: 'pvbr0', kind: 'bridge' },
    ];
    const again = planOf(vm, { links, gateway: undefined });
    expect(again.ip.slice(0, 2)).toEqual(['link delete dev pvtap0', 'link delete dev pvbr0']);
    expect({ ...again, ip: again.ip.slice(2) }).toEqual(first);
  });

  test('a gateway outside the pod’s own network is reached by a route of its own', () => {
    const links: Link[] = [{ ...ETH0, cidrs: ['10.244.1.5/32'] }];
    const { helpers } = planOf(vm, { links, gateway: '169.254.1.1' });
    const route = '--dhcp-option=option:classless-static-route,169.254.1.1/32,0.0.0.0,0.0.0.0/0,169.254.1.1';
    expect(helpers[0]?.args).toContain(route);
  });

  test.each<[string, Partial<Link>, string]>([
    ['no address', { ipv4: [], cidrs: [] }, "'eth0' has no IPv4 address to give to the guest"],
    ['macvlan', { kind: 'macvlan' }, "interface 'eth0' is macvlan; binding bridge needs a veth"],
  ])('refused with a reason: %s', (_, change, reason) => {
    expect(refusal(vm, { links: [{ ...ETH0, ...change }] })).toContain(reason);
  });
});

describe('macvtap', () => {
  const vm = vmWith([POD, { name: 'a/lan', interface: 'net1', binding: 'macvtap', mac: '02:00:00:00:00:07' }]);

  test('passes frames between interface and tap, under the guest’s MAC', () => {
    const { ip, nft, nics } = planOf(vm);
    expect([...ip.slice(6), '', nft.slice(nft.indexOf('table netdev')), JSON.stringify(nics[1])].join('\n'))
      .toMatchInlineSnapshot(`
     "link set dev pvbr0 up
     tuntap add dev pvtap1 mode tap user 107 group 107
     link set dev pvtap1 mtu 1500
     link set dev net1 alias podvisor:02:aa:bb:cc:dd:ee
     link set dev net1 address 02:00:00:00:00:07
     address flush dev net1
     link set dev net1 up
     link set dev pvtap1 up

     table netdev podvisor-pvtap1
     delete table netdev podvisor-pvtap1
     table netdev podvisor-pvtap1 {
       chain from-net1 {
         type filter hook ingress device "net1" priority 0; policy accept;
         fwd to "pvtap1"
       }
       chain from-pvtap1 {
         type filter hook ingress device "pvtap1" priority 0; policy accept;
         fwd to "net1"
       }
     }

     {"mac":"02:00:00:00:00:07","tap":"pvtap1","queues":1,"mtu":1500}"
    `);
  });

  test('an interface whose CNI plugin set the MAC keeps it', () => {
    const links = [ETH0, { ...NET1, mac: '02:00:00:00:00:07' }];
    expect(planOf(vm, { links }).ip.join('\n')).not.toContain('net1 address');
  });

  test('refused with a reason: an interface that is no such link', () => {
    const reason = "network 'a/lan': interface 'net1' is ipvlan; binding macvtap needs one of macvlan, macvtap, veth";
    expect(refusal(vm, { links: [ETH0, { ...NET1, kind: 'ipvlan' }] })).toContain(reason);
  });
});

describe('passt', () => {
  const ports: VmFacts['guestPorts'] = [
    { protocol: 'tcp', port: 80 },
    { protocol: 'tcp', port: 22 },
    { protocol: 'udp', port: 53 },
  ];
  const vm = vmWith([{ ...POD, binding: 'passt', mac: '02:00:00:00:00:08' }], { guestPorts: ports });

  test('is a process of the pod; nothing else is touched', () => {
    const plan = planOf(vm);
    expect(plan).toEqual({
      ip: [],
      sysctls: ['net/ipv4/ip_unprivileged_port_start'],
      nft: '',
      helpers: [{ program: 'passt', directory: '/slots/tcg-0/net', socket: 'passt0.sock', args: expect.any(Array) as string[] }],
      nics: [{ mac: '02:00:00:00:00:08', socket: '/run/podvisor/net/passt0.sock' }],
    });
    expect(plan.helpers[0]?.args.join(' ')).toMatchInlineSnapshot(
      `"--quiet --ipv4-only --no-map-gw --socket passt0.sock --interface eth0 --tcp-ports 80,22 --udp-ports 53 --dns 10.96.0.10 --search a.b --search c.d --hostname vm"`,
    );
  });

  test('passes nothing when the guest declares nothing', () => {
    expect(planOf({ ...vm, guestPorts: [] }).helpers[0]?.args.join(' ')).toContain('--tcp-ports none --udp-ports none');
  });
});

test.each([
  [1, 1],
  [2, 2],
  [255, 255],
])('a guest with %d vCPUs has %d queues on each tap', (vcpus, queues) => {
  const networks: GuestNetwork[] = [POD, { name: 'a/lan', interface: 'net1', binding: 'macvtap' }];
  const plan = planOf(vmWith(networks, {}, vcpus));
  expect(plan.nics).toMatchObject([{ queues }, { queues }]);
  expect(plan.ip.filter((line) => line.includes('multi_queue'))).toHaveLength(queues > 1 ? 2 : 0);
});

test.each([
  [0, '0.0.0.0'],
  [1, '128.0.0.0'],
  [20, '255.255.240.0'],
  [24, '255.255.255.0'],
  [32, '255.255.255.255'],
])('netmask of /%d', (bits, mask) => expect(netmaskOf(bits)).toBe(mask));

test.each<[string, string | undefined]>([
  ['[{"dst":"default","gateway":"10.244.1.1","dev":"eth0"}]', '10.244.1.1'],
  ['[{"dst":"default","dev":"eth0"}]', undefined],
  ['[]', undefined],
  ['', undefined],
])('gateway in %s', (json, gateway) => expect(parseGateway(json)).toBe(gateway));
