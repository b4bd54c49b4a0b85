import { nodeReason } from '../../../scheduler-plugin/node-reason.ts';
import type { NodeFacts } from '../../../scheduler-plugin/node-facts.ts';
import type { Claims } from '../../../scheduler-plugin/placement/checks.ts';
import type { Room } from '../../../scheduler-plugin/placement/room.ts';
import { wantedOf } from '../../../scheduler-plugin/placement/wanted.ts';
import { guestSpec } from '../../build/guest.ts';
import { claims, node, pf, wanted, zone } from '../../build/placement.ts';

const PAGES = { memory: '2Mi', amount: 1024 } as const;
const VF = { resource: 'example.com/vf' };
const fragmented: Room = { zones: [zone(0, 1290, { cpus: 2 }), zone(1, 758, { cpus: 8 })], functions: [] };
const even: Room = { zones: [zone(0, 600), zone(1, 600)], functions: [] };
const cards: Room = {
  zones: [zone(0, 2048), zone(1, 2048)],
  functions: [pf('0000:3b:00.0', 2), pf('0000:5e:00.0', 2, { zone: 1, linkUp: false })],
};

/** What the guest wants, its wishes, what is free, and what a person reads; '' = the node will do. */
const CASES: Record<string, [Parameters<typeof wanted>[0], Record<string, string>, Room | undefined, string]> = {
  'a plain VM goes to a node without a report': [{}, {}, undefined, ''],
  'a VM with huge pages nobody required a zone for does too': [PAGES, {}, undefined, ''],
  'one that requires a zone does not': [PAGES, { hugepages: 'require' }, undefined, 'no NodeReport tells its zones, and the guest requires hugepages (see the podvisor-agent pod of that node)'],
  'pages that fit one zone': [PAGES, {}, fragmented, ''],
  'pages that only both zones have': [{ ...PAGES, amount: 1300 }, {}, fragmented, 'zone 0 has 1290 and zone 1 has 758 free 2Mi pages, guest needs 1300 in one zone'],
  'pages that only both zones have, when they may be spread': [{ ...PAGES, amount: 1300 }, { hugepages: 'prefer' }, fragmented, ''],
  'pages that not even both zones have': [{ ...PAGES, amount: 2049 }, { hugepages: 'prefer=1' }, fragmented, 'zone 0 has 1290 and zone 1 has 758 free 2Mi pages, guest needs 2049 altogether'],
  'pages nobody is to look at': [{ ...PAGES, amount: 2049 }, { hugepages: 'ignore' }, fragmented, ''],
  'two cells in two zones': [{ ...PAGES, amount: 1200, cells: 2 }, {}, even, ''],
  'two cells in one zone, when one zone has room for both': [{ ...PAGES, amount: 1200, cells: 2 }, {}, { zones: [zone(0, 1290), zone(1, 10)], functions: [] }, ''],
  'two cells too large for either zone': [{ ...PAGES, amount: 1202, cells: 2 }, {}, even, 'zone 0 has 600 and zone 1 has 600 free 2Mi pages, guest needs 601 in one zone for each of its 2 NUMA nodes'],
  'pages of 1 GiB where there are only small ones': [{ memory: '1Gi', amount: 1 }, {}, even, 'zone 0 has 0 and zone 1 has 0 free 1Gi pages, guest needs 1 in one zone'],
  'CPUs apart from the pages, when nobody asked': [{ ...PAGES, cpus: 4 }, {}, fragmented, ''],
  'CPUs apart from the pages, when they must be together': [
    { ...PAGES, cpus: 4 },
    { numa: 'require' },
    fragmented,
    'zone 0 has 1290 2Mi pages, 2 CPUs and 0 VFs free and zone 1 has 758 2Mi pages, 8 CPUs and 0 VFs free, guest needs 1024 2Mi pages, 4 CPUs of its own together in one zone',
  ],
  'an isolated CPU that the zone lacks': [
    { ...PAGES, cpus: 3, extraCpus: 1 },
    { numa: 'require' },
    fragmented,
    'zone 0 has 1290 2Mi pages, 2 CPUs and 0 VFs free and zone 1 has 758 2Mi pages, 8 CPUs and 0 VFs free, guest needs 1024 2Mi pages, 2 CPUs of its own (and one for QEMU) together in one zone',
  ],
  'plain memory in one zone': [{ amount: 65 * 2 ** 30 }, { numa: 'require' }, even, 'zone 0 has 65536 MiB, 16 CPUs and 0 VFs free and zone 1 has 65536 MiB, 16 CPUs and 0 VFs free, guest needs 66560 MiB together in one zone'],
  'VFs of any physical function': [{ functions: [VF, VF, VF, VF] }, {}, cards, ''],
  'more VFs than there are': [{ functions: [VF, VF, VF, VF, VF] }, {}, cards, '0000:3b:00.0 has 2 and 0000:5e:00.0 (no carrier) has 2 free VFs of example.com/vf, guest needs 5'],
  'a bond over a physical function without carrier': [{ functions: [VF, VF] }, { sriov: 'require' }, cards, '0000:3b:00.0 has 2 and 0000:5e:00.0 (no carrier) has 2 free VFs of example.com/vf, guest needs 2, each on a physical function of its own with carrier'],
  'VFs nobody is to look at': [{ functions: [VF, VF, VF, VF, VF] }, { sriov: 'ignore' }, cards, ''],
  'VFs of a resource the report does not know': [{ functions: [{ resource: 'other.com/vf' }] }, {}, cards, ''],
  'VFs of a resource the report does not know, required': [{ functions: [{ resource: 'other.com/vf' }] }, { sriov: 'require' }, cards, 'no physical function offers VFs of other.com/vf, guest needs 1, each on a physical function of its own with carrier'],
  'a VF on another physical network': [{ functions: [{ ...VF, network: 'lab' }] }, {}, cards, '0000:3b:00.0 has 2 and 0000:5e:00.0 (no carrier) has 2 free VFs of example.com/vf, guest needs 1 on physical network lab'],
  'a VF on a physical network that no function of the node is plugged into, of a resource the report does not know': [{ functions: [{ resource: 'other.com/vf', network: 'lab' }] }, {}, cards, 'no physical function offers VFs of other.com/vf, guest needs 1 on physical network lab'],
  'a VF on a physical network, on a node without a report': [{ functions: [{ ...VF, network: 'lab' }] }, {}, undefined, 'no NodeReport tells its zones, and the guest requires a VF on physical network lab (see the podvisor-agent pod of that node)'],
  'a VF on a physical network nobody is to look at': [{ functions: [{ ...VF, network: 'lab' }] }, { sriov: 'ignore' }, undefined, ''],
  'VFs on the physical network they need': [{ functions: [{ ...VF, network: 'lab' }] }, {}, { zones: [zone(0, 1)], functions: [pf('0000:3b:00.0', 1, { network: 'lab' })] }, ''],
  'VFs in the zone of the pages': [{ ...PAGES, functions: [VF] }, { numa: 'require' }, cards, ''],
  'VFs in another zone than the pages': [
    { ...PAGES, functions: [VF] },
    { numa: 'require' },
    { zones: [zone(0, 100), zone(1, 2048)], functions: [pf('0000:3b:00.0', 2)] },
    'zone 0 has 100 2Mi pages, 16 CPUs and 2 VFs free and zone 1 has 2048 2Mi pages, 16 CPUs and 0 VFs free, guest needs 1024 2Mi pages, a VF of example.com/vf together in one zone',
  ],
}; // prettier-ignore

test.each(Object.entries(CASES))('%s', (_title, [fields, wishes, room, reason]) => {
  expect(nodeReason(wanted(fields, wishes), node(), claims(room))).toBe(reason);
});

/** The node, the wishes, what claims say, and what a person reads. */
const REFUSED: Record<string, [NodeFacts | undefined, Record<string, string>, Partial<Claims>, RegExp]> = {
  'a node it has not seen': [undefined, {}, {}, /not yet known/],
  'a node that offers the other accelerator only': [node({ slots: { kvm: 0, tcg: 1 } }), {}, {}, /no Podvisor agent offers podvisor\.dev\/kvm/],
  'a node whose kubelet refused the VM': [node(), {}, { backOff: () => 'its kubelet refused' }, /its kubelet refused/],
  'a node with another VM of its controller, when it must be spread': [node(), { spread: 'require' }, { siblings: () => 1 }, /another VM of the same controller/],
  'a node without the image, when it must be there': [node(), { image: 'require' }, {}, /does not list the boot image/],
}; // prettier-ignore

test.each(Object.entries(REFUSED))('refuses %s', (_title, [facts, wishes, fields, reason]) => {
  expect(nodeReason(wanted({}, wishes), facts, claims(undefined, fields))).toMatch(reason);
});

it('shows no more zones than a person reads', () => {
  const zones = Array.from({ length: 12 }, (_, id) => zone(id, 1));
  expect(nodeReason(wanted(PAGES), node(), claims({ zones, functions: [] }))).toMatch(
    /zone 7 has 1 and 4 more zones have too few free 2Mi pages/,
  );
});

test('what the NAD of a network says its functions must be plugged into is asked of the node', () => {
  const network = {
    name: 'default/blue',
    interface: 'net1',
    binding: 'sriov',
    resource: 'example.com/vf',
    physicalNetwork: 'blue',
  } as const;
  const { networks } = guestSpec();
  const guest = wantedOf(guestSpec({ networks: [...networks, network] }), {
    uid: 'u',
    owner: 'o',
    volumeClaims: [],
    priority: 0,
  });
  expect(guest.functions).toEqual([{ resource: 'example.com/vf', network: 'blue' }]);
});
