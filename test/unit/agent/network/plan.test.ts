import { type Link, parseLinks, parseListening } from '../../../../agent/network/facts.ts';
import { networkPlan } from '../../../../agent/network/plan.ts';
import { clusterDomainOf, guestDns, parseResolvConf } from '../../../../agent/network/resolv.ts';
import type { VmFacts } from '../../../../agent/slot-types.ts';
import { guestSpec } from '../../../build/guest.ts';
import { ETH0, vmFacts } from '../../../build/vm-facts.ts';

const NET1: Link = {
  name: 'net1',
  mac: '02:aa:bb:cc:dd:ee',
  mtu: 1500,
  kind: 'veth',
  alias: '',
  ipv4: ['192.168.7.3'],
  cidrs: ['192.168.7.3/24'],
};
const DNS = { servers: ['10.96.0.10'], searches: ['team.svc.cluster.local', 'svc.cluster.local'] };

function planOf(vm: VmFacts, links: readonly Link[] = [ETH0]) {
  const result = networkPlan(vm, { links, ipv6: true, dns: DNS, gateway: '10.244.1.1', sockets: '/slots/tcg-0/net' });
  if (!result.ok) throw new Error(result.reason);
  return result.plan;
}
const withBridge = vmFacts({
  guest: guestSpec({
    networks: [
      { name: 'pod', interface: 'eth0', binding: 'masquerade' },
      { name: 'team/lan', interface: 'net1', binding: 'bridge' },
    ],
  }),
});

test('a pod with nothing but the guest', () => {
  const { ip, sysctls, nft, helpers, nics } = planOf(vmFacts());
  const dhcp = helpers.flatMap(({ program, args }) => [program, ...args]);
  expect([...ip, '', ...sysctls, '', nft, ...dhcp, '', JSON.stringify(nics)].join('\n')).toMatchInlineSnapshot(`
   "tuntap add dev pvtap0 mode tap user 107 group 107
   link set dev pvtap0 mtu 1450
   link add name pvbr0 mtu 1450 type bridge stp_state 0 forward_delay 0 mcast_snooping 0
   link set dev pvtap0 master pvbr0
   address add 10.0.2.1/24 dev pvbr0
   link set dev pvtap0 up
   link set dev pvbr0 up

   net/ipv4/ip_forward
   net/ipv4/conf/pvbr0/route_localnet
   net/ipv6/conf/pvbr0/disable_ipv6
   net/ipv6/conf/pvtap0/disable_ipv6

   table ip podvisor
   delete table ip podvisor
   table ip podvisor {
     chain spoof {
       type filter hook prerouting priority raw; policy accept;
       iifname "pvbr0" ip saddr != { 0.0.0.0, 10.0.2.2 } drop
       iifname "pvbr0" ip daddr 127.0.0.0/8 drop
     }
     chain inbound {
       type nat hook prerouting priority dstnat; policy accept;
       iifname "eth0" ip daddr { 10.244.1.5 } dnat to 10.0.2.2
       iifname "pvbr0" ip daddr { 10.244.1.5 } dnat to 10.0.2.2
     }
     chain loopback {
       type nat hook output priority -100; policy accept;
       oifname "lo" ip daddr { 127.0.0.0/8, 10.244.1.5 } meta l4proto { tcp, udp, sctp } dnat to 10.0.2.2
     }
     chain outbound {
       type nat hook postrouting priority srcnat; policy accept;
       oifname "eth0" ip saddr 10.0.2.2 masquerade
       oifname "pvbr0" ip saddr { 127.0.0.0/8, 10.0.2.2, 10.244.1.5 } snat to 10.0.2.1
     }
   }

   dnsmasq
   --conf-file=/dev/null
   --pid-file
   --log-facility=/dev/null
   --leasefile-ro
   --port=0
   --no-hosts
   --no-resolv
   --no-ping
   --quiet-dhcp
   --interface=pvbr0
   --except-interface=lo
   --bind-interfaces
   --dhcp-authoritative
   --dhcp-ignore-clid
   --dhcp-lease-max=4
   --dhcp-range=10.0.2.2,static,255.255.255.0,infinite
   --dhcp-host=02:74:f8:35:c3:a5,10.0.2.2,vm,infinite
   --dhcp-option=option:router,10.0.2.1
   --dhcp-option=option:mtu,1450
   --dhcp-option=option:dns-server,10.96.0.10
   --dhcp-option=option:domain-name,team.svc.cluster.local
   --dhcp-option=option:domain-search,team.svc.cluster.local,svc.cluster.local

   [{"mac":"02:74:f8:35:c3:a5","tap":"pvtap0","queues":1,"mtu":1450}]"
  `);
});

test('containers beside the guest keep the ports they declared, and their loopback', () => {
  const vm = vmFacts({
    alone: false,
    guestPorts: [{ protocol: 'tcp', port: 80 }],
    otherPorts: [
      { protocol: 'tcp', port: 9090 },
      { protocol: 'tcp', port: 80 },
      { protocol: 'udp', port: 53 },
    ],
  });
  expect(planOf(vm).nft).toMatchInlineSnapshot(`
   "table ip podvisor
   delete table ip podvisor
   table ip podvisor {
     chain spoof {
       type filter hook prerouting priority raw; policy accept;
       iifname "pvbr0" ip saddr != { 0.0.0.0, 10.0.2.2 } drop
       iifname "pvbr0" ip daddr 127.0.0.0/8 drop
     }
     chain inbound {
       type nat hook prerouting priority dstnat; policy accept;
       iifname "eth0" ip daddr { 10.244.1.5 } tcp dport { 9090 } accept
       iifname "eth0" ip daddr { 10.244.1.5 } udp dport { 53 } accept
       iifname "eth0" ip daddr { 10.244.1.5 } dnat to 10.0.2.2
       iifname "pvbr0" ip daddr { 10.244.1.5 } tcp dport { 9090 } accept
       iifname "pvbr0" ip daddr { 10.244.1.5 } udp dport { 53 } accept
       iifname "pvbr0" ip daddr { 10.244.1.5 } dnat to 10.0.2.2
     }
     chain loopback {
       type nat hook output priority -100; policy accept;
       oifname "lo" ip daddr { 127.0.0.0/8, 10.244.1.5 } tcp dport { 80 } dnat to 10.0.2.2
     }
     chain outbound {
       type nat hook postrouting priority srcnat; policy accept;
       oifname "eth0" ip saddr 10.0.2.2 masquerade
       oifname "pvbr0" ip saddr { 127.0.0.0/8, 10.0.2.2, 10.244.1.5 } snat to 10.0.2.1
     }
   }
   "
  `);
});

test("a secondary network: the guest takes the interface's MAC and place", () => {
  expect(planOf(withBridge, [ETH0, NET1]).ip.slice(-12)).toMatchInlineSnapshot(`
   [
     "link set dev pvtap1 mtu 1500",
     "link add name pvbr1 mtu 1500 type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
     "link set dev pvtap1 master pvbr1",
     "link set dev net1 down",
     "link set dev net1 alias podvisor:02:aa:bb:cc:dd:ee",
     "link set dev net1 address 02:9a:8e:43:08:0f",
     "address flush dev net1",
     "link set dev net1 master pvbr1",
     "link set dev net1 type bridge_slave learning off",
     "link set dev net1 up",
     "link set dev pvtap1 up",
     "link set dev pvbr1 up",
   ]
  `);
  expect(planOf(withBridge, [ETH0, NET1]).nics[1]).toEqual({ mac: NET1.mac, tap: 'pvtap1', queues: 1, mtu: 1500 });
});

test('a container that starts again finds the MAC it gave away, and makes its links anew', () => {
  const tap = { ...NET1, name: 'pvtap1', kind: 'tun' };
  const plan = planOf(withBridge, [ETH0, { ...NET1, mac: '02:00:00:00:00:09', alias: `podvisor:${NET1.mac}` }, tap]);
  expect(plan.nics[1]).toMatchObject({ mac: NET1.mac });
  expect(plan.ip).toContain('link delete dev pvtap1');
});

test.each<[string, readonly Link[], string]>([
  ['no interface', [], "network 'pod': the pod has no interface 'eth0'"],
  ['no IPv4', [{ ...ETH0, ipv4: [] }], "network 'pod': interface 'eth0' has no IPv4 address, which binding masquerade needs"],
  [
    'macvlan',
    [ETH0, { ...NET1, kind: 'macvlan' }],
    "network 'team/lan': interface 'net1' is macvlan; binding bridge needs a veth",
  ],
  ['no MAC', [ETH0, { ...NET1, mac: '' }], "network 'team/lan': interface 'net1' has no unicast MAC ('')"],
])('refused with a reason: %s', (_, links, reason) => {
  expect(networkPlan(withBridge, { links, ipv6: false, dns: DNS, sockets: '/slots/tcg-0/net' })).toEqual({ ok: false, reason });
});

test("ip's JSON", () => {
  const json =
    '[{},{"ifname":"eth0","address":"0a:58:0a:f4:01:05","mtu":1450,"linkinfo":{"info_kind":"veth"},"addr_info":[{"family":"inet","local":"10.244.1.5","prefixlen":24},{"family":"inet6","local":"fe80::1"}]}]';
  expect(parseLinks(json)).toEqual([ETH0]);
  expect(() => parseLinks('{}')).toThrow('no list');
});

test('who listens in a network namespace is read from /proc/net/unix', () => {
  const rows = [
    'Num       RefCount Protocol Flags    Type St Inode Path',
    '000000002ed9b677: 00000003 00000000 00000000 0001 03   132',
    '0000000000000000: 00000002 00000000 00010000 0001 01 45123 passt0.sock',
    '0000000000000000: 00000003 00000000 00000000 0001 03 45124 passt1.sock',
    '0000000000000000: 00000002 00000000 00010000 0001 01 45125 /run/a name.sock',
    '',
  ];
  expect(parseListening(rows.join('\n'))).toEqual(['passt0.sock', '/run/a name.sock']);
});

describe('DNS', () => {
  const cluster = parseResolvConf(
    'search podvisor-agent.svc.cluster.local svc.cluster.local cluster.local corp.example bad,name\nnameserver 10.96.0.10\nnameserver ::1\n',
  );
  const node = {
    cluster,
    clusterDomain: clusterDomainOf(cluster.searches),
    node: parseResolvConf('nameserver 192.0.2.1\nsearch corp.example'),
  };
  const pod = { policy: 'ClusterFirst', servers: [], searches: [] };
  test.each([
    ['ClusterFirst', pod, ['10.96.0.10'], ['team.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'corp.example']],
    ['Default', { ...pod, policy: 'Default' }, ['192.0.2.1'], ['corp.example']],
    ['None', { policy: 'None', servers: ['1.1.1.1'], searches: ['a.b'] }, ['1.1.1.1'], ['a.b']],
    [
      'additions',
      { ...pod, servers: ['1.1.1.1', '127.0.0.53'], searches: ['svc.cluster.local', 'x.y'] },
      ['10.96.0.10', '1.1.1.1'],
      ['team.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'corp.example', 'x.y'],
    ],
  ])('dnsPolicy %s', (_, dns, servers, searches) => {
    expect(guestDns(dns, 'team', node)).toEqual({ servers, searches });
  });
});

test('the addresses admission gave are used; a GuestSpec of the version before has none', () => {
  const [pod, lan] = withBridge.guest.networks;
  const given = vmFacts({
    guest: guestSpec({
      networks: [
        { ...pod!, mac: '02:00:00:00:00:01' },
        { ...lan!, mac: '02:00:00:00:00:02' },
      ],
    }),
  });
  const plan = planOf(given, [ETH0, NET1]);
  expect(plan.nics).toMatchObject([{ mac: '02:00:00:00:00:01' }, { mac: '02:00:00:00:00:02' }]);
  expect(plan.helpers[0]?.args).toContain('--dhcp-host=02:00:00:00:00:01,10.0.2.2,vm,infinite');
  expect(planOf(withBridge, [ETH0, NET1]).nics[1]).toMatchObject({ mac: NET1.mac });
});
