import type { Attachment, Attachments } from '../../../api/attachments.ts';
import { attachmentOf } from '../../../api/attachments.ts';
import { type ParseContext, parseGuest } from '../../../api/parse-pod.ts';
import { wantedAttachments } from '../../../api/parse-networks.ts';
import { violationsText } from '../../../api/violation.ts';
import { attachment } from '../../build/attachment.ts';
import { vmPod } from '../../build/pod.ts';

const NETWORKS = 'k8s.v1.cni.cncf.io/networks';
const DEFAULT = 'v1.multus-cni.io/default-network';
const BINDINGS = 'podvisor.dev/networks';

const LAN: Attachment = { types: ['bridge', 'tuning'] };
const KNOWN: Attachments = {
  'default/lan': LAN,
  'other/lan': LAN,
  'default/a': LAN,
  'n/b': LAN,
  'prod/lan': LAN,
  'default/on-nodes': { types: [] },
  'default/vlan': { types: ['macvlan'] },
  'default/tap': { types: ['macvtap'], resourceName: 'macvtap.network.kubevirt.io/eth1' },
  'default/ip': { types: ['ipvlan'] },
  'default/vf': { types: ['sriov'], resourceName: 'example.com/vf' },
  'default/vf-blue': { types: ['sriov'], resourceName: 'example.com/vf', physicalNetwork: 'blue' },
  'default/lan-blue': { types: ['bridge'], physicalNetwork: 'blue' },
  'default/vf-none': { types: ['sriov'] },
  'default/vf-host': { types: ['host-device'], resourceName: 'example.com/vf' },
  'default/marked': { types: ['bridge'], resourceName: 'bridge.network.kubevirt.io/br1' },
  'default/broken': { types: [], problem: 'has a spec.config that is not JSON; correct it' },
  'default/unseen': { types: [], assumed: true },
  'kube-system/main': LAN,
  'kube-system/main-vf': { types: ['sriov'], resourceName: 'example.com/vf' },
};
const context: ParseContext = { accelerators: { kvm: true, tcg: true }, attachments: KNOWN };

function parsed(annotations: Record<string, string>, change: Partial<ParseContext> = {}) {
  return parseGuest(vmPod({ annotations }), { ...context, ...change });
}

function networks(annotations: Record<string, string>): string[] {
  const result = parsed(annotations);
  if (!result.ok) throw new Error(violationsText(result.violations));
  return result.guest.networks.map(({ name, interface: nic, binding, mac }) =>
    [name, nic, binding, mac].filter(Boolean).join(' '),
  );
}

function refusal(annotations: Record<string, string>): string {
  const result = parsed(annotations);
  return result.ok ? 'accepted' : violationsText(result.violations);
}

describe('the networks of a guest', () => {
  const pod = 'pod eth0 masquerade';
  it.each<[string, Record<string, string>, string[]]>([
    ['none but the pod network', {}, [pod]],
    ['an empty annotation', { [NETWORKS]: '' }, [pod]],
    ['an empty list', { [NETWORKS]: '[]' }, [pod]],
    ['one of the pod’s namespace', { [NETWORKS]: 'lan' }, [pod, 'default/lan net1 bridge']],
    ['numbered by place, as Multus does', { [NETWORKS]: 'a@x0,n/b' }, [pod, 'default/a x0 bridge', 'n/b net2 bridge']],
    ['one twice', { [NETWORKS]: 'lan,lan' }, [pod, 'default/lan net1 bridge', 'default/lan net2 bridge']],
    ['a MAC asked for', { [NETWORKS]: '[{"name":"lan","mac":"02:00:00:00:00:0A"}]' }, [pod, 'default/lan net1 bridge 02:00:00:00:00:0a']],
    ['a configuration on the nodes', { [NETWORKS]: 'on-nodes' }, [pod, 'default/on-nodes net1 bridge']],
    ['a resource that is no virtual function', { [NETWORKS]: 'marked' }, [pod, 'default/marked net1 bridge']],
    ['another default network', { [DEFAULT]: 'main' }, [pod]],
  ])('%s', (_, annotations, expected) => expect(networks(annotations)).toEqual(expected)); // prettier-ignore

  it('are in the namespace of the request when the pod does not carry one yet', () => {
    const pod = { metadata: { annotations: { [NETWORKS]: 'lan' } }, spec: vmPod().spec };
    const result = parseGuest(pod, { ...context, namespace: 'prod' });
    expect(result.ok && result.guest.networks[1]?.name).toBe('prod/lan');
  });

  it('carry the physical network of their attachment where a virtual function is plugged into it', () => {
    const result = parsed({ [NETWORKS]: 'vf-blue,vf,lan-blue' });
    expect(result.ok && result.guest.networks.map(({ physicalNetwork }) => physicalNetwork)).toEqual([
      undefined,
      'blue',
      undefined,
      undefined,
    ]);
  });

  it('that nobody has seen are taken for bridges, with a warning', () => {
    const result = parsed({ [NETWORKS]: 'unseen' });
    expect(result.ok && result.warnings).toEqual([expect.stringContaining("'default/unseen' is not among the manifests")]);
  });
});

describe('is refused with the reason', () => {
  const on = (name: string) => ({ [NETWORKS]: name });
  it.each<[string, Record<string, string>, string[]]>([
    ['a text nobody can read', on('a/b/c'), ['k8s.v1.cni.cncf.io/networks]: "a/b/c": cannot be read; allowed:']],
    ['an attachment that does not exist', on('lam'), ['"default/lam"', "'default/lam' does not exist", 'create it first', '-n default']],
    ['an attachment that cannot be used', on('broken'), ["'default/broken' has a spec.config that is not JSON; correct it"]],
    ['an interface name that is none', on('[{"name":"lan","interface":"a b"}]'), ['is no interface name', 'at most 15 characters']],
    ['an interface name that is taken', on('lan@eth0'), ['interface "eth0" is reserved']],
    ['an interface name of the node agent', on('lan@pvtap0'), ['interface "pvtap0" is reserved']],
    ['an interface name with a meaning in podvisor.dev/networks', on('lan@pod'), ['interface "pod" is reserved']],
    ['an interface used twice', on('a@x0,lan@x0'), ['interface "x0" is used by two networks']],
    ['a network name that is none', on('[{"name":"Lan"}]'), ["'Lan' is no network name"]],
    ['too many networks', on(Array.from({ length: 8 }, () => 'lan').join(',')), ['asks for 8 networks; allowed: at most 7 beside the pod network']],
    ['one MAC on two networks', on('[{"name":"a","mac":"02:00:00:00:00:05"},{"name":"lan","mac":"02-00-00-00-00-05"}]'), ['02:00:00:00:00:05 on two networks']],
    ['ipvlan, whatever the binding', on('ip'), ["'default/ip': its CNI type is ipvlan", 'share one MAC', 'bridge, macvlan or sriov']],
    ['several default networks', { [DEFAULT]: 'main,main' }, ['default-network]', 'names 2 networks; a pod has one']],
    ['a default network that does not exist', { [DEFAULT]: 'gone' }, ["'kube-system/gone' does not exist"]],
    ['a mistyped binding', { [BINDINGS]: 'pod=masquerad' }, ['podvisor.dev/networks]: "pod=masquerad"', "did you mean 'masquerade'?", 'allowed: masquerade, bridge, passt, macvtap, sriov']],
    ['a mistyped network', { ...on('lan'), [BINDINGS]: 'net2=bridge' }, ["no network 'net2' (did you mean 'net1'?); allowed: pod, net1"]],
    ['a binding that cannot be read', { [BINDINGS]: 'bridge' }, ["'bridge' cannot be read; allowed: 'NETWORK=BINDING'"]],
    ['two bindings for one network', { [BINDINGS]: 'pod=masquerade,pod=bridge' }, ["'pod' is there twice"]],
    ['masquerade on a secondary network', { ...on('lan'), [BINDINGS]: 'net1=masquerade' }, ['"net1=masquerade"', "is for network 'pod' only; allowed: bridge, macvtap"]],
    ['passt on a secondary network', { ...on('lan'), [BINDINGS]: 'net1=passt' }, ["is for network 'pod' only"]],
    ['sriov without a resource', { ...on('lan'), [BINDINGS]: 'net1=sriov' }, ['needs annotation k8s.v1.cni.cncf.io/resourceName']],
    ['an SR-IOV network without a resource', on('vf-none'), ["'default/vf-none': binding sriov needs annotation"]],
    ['sriov on a macvtap network', { ...on('tap'), [BINDINGS]: 'net1=sriov' }, ['gives no virtual function; allowed: macvtap']],
    ['bridge on macvlan', { ...on('vlan'), [BINDINGS]: 'net1=bridge' }, ['passes frames of its own MAC address only; allowed: macvtap']],
    ['bridge on a virtual function', { ...on('vf'), [BINDINGS]: 'net1=bridge' }, ['cannot be bridged; allowed: sriov']],
    ['macvtap on a virtual function', { ...on('vf-host'), [BINDINGS]: 'net1=macvtap' }, ['allowed: sriov']],
    ['macvtap on the pod network', { [BINDINGS]: 'pod=macvtap' }, ['would be told no address', 'allowed: masquerade, bridge, passt']],
    ['sriov on the cluster’s default network', { [BINDINGS]: 'pod=sriov' }, ["it is the cluster's default network", 'v1.multus-cni.io/default-network']],
    ['sriov on a default network without a resource', { [DEFAULT]: 'main', [BINDINGS]: 'pod=sriov' }, ["'kube-system/main': binding sriov needs annotation"]],
    ['bridge on a default network that is a virtual function', { [DEFAULT]: 'main-vf', [BINDINGS]: 'pod=bridge' }, ["'kube-system/main-vf': its interface is a virtual function", 'allowed: masquerade, passt']],
  ])('%s', (_, annotations, parts) => {
    const text = refusal(annotations);
    for (const part of parts) expect(text).toContain(part);
    expect(text).not.toMatch(/^\(1\)/);
  }); // prettier-ignore

  it('everything at once', () => {
    const text = refusal({ [NETWORKS]: 'gone,ip', [BINDINGS]: 'pod=macvtap,net9=bridge' });
    for (const part of ['(1)', '(2)', '(3)', '(4)', 'net9', 'macvtap', 'gone', 'ipvlan']) expect(text).toContain(part);
  });
});

describe('the attachments to look up', () => {
  it.each<[string, Record<string, string>, string[]]>([
    ['none', {}, []],
    ['each once, with namespaces', { [NETWORKS]: 'lan,lan,n/b', [DEFAULT]: 'main' }, ['kube-system/main', 'default/lan', 'n/b']],
    ['no more than a guest can have', { [NETWORKS]: Array.from({ length: 50 }, (_, at) => `n${at}`).join(',') }, Array.from({ length: 8 }, (_, at) => `default/n${at}`)],
    ['nothing that is no name', { [NETWORKS]: '[{"name":"../x"}]' }, []],
  ])('%s', (_, annotations, keys) => expect(wantedAttachments(vmPod({ annotations }), {})).toEqual(keys)); // prettier-ignore

  it('another namespace of Multus', () => {
    expect(wantedAttachments(vmPod({ annotations: { [DEFAULT]: 'main' } }), { multusNamespace: 'multus' })).toEqual([
      'multus/main',
    ]);
  });
});

describe('attachmentOf', () => {
  it.each<[string, object, Attachment]>([
    ['one plugin', attachment('a', { type: 'bridge' }), { types: ['bridge'] }],
    ['a chain', attachment('a', { plugins: [{ type: 'sriov' }, { type: 'tuning' }] }), { types: ['sriov', 'tuning'] }],
    ['a configuration on the nodes', { metadata: { name: 'a' } }, { types: [] }],
    ['a resource', attachment('a', { type: 'sriov' }, { 'k8s.v1.cni.cncf.io/resourceName': 'example.com/vf' }), { types: ['sriov'], resourceName: 'example.com/vf' }],
    ['a physical network', attachment('a', { type: 'sriov' }, { 'podvisor.dev/physical-network': ' fabric-a ' }), { types: ['sriov'], physicalNetwork: 'fabric-a' }],
    ['a physical network that is no name', attachment('a', { type: 'sriov' }, { 'podvisor.dev/physical-network': 'Fabric A' }), { types: ['sriov'], physicalNetwork: 'Fabric A', problem: expect.stringContaining('"Fabric A", which is no name') as string }],
    ['a node selector', attachment('a', { type: 'bridge' }, { 'k8s.v1.cni.cncf.io/nodeSelector': 'rack=1, fast' }), { types: ['bridge'], nodeSelector: { rack: '1', fast: '' } }],
    ['no JSON', { metadata: {}, spec: { config: '{' } }, { types: [], problem: 'has a spec.config that is not JSON; correct it' }],
    ['no type', { metadata: {}, spec: { config: '{}' } }, { types: [], problem: "has a spec.config without a plugin's type; correct it" }],
    ['nothing at all', {}, { types: [] }],
  ])('%s', (_, raw, expected) => expect(attachmentOf(raw as Record<string, unknown>)).toEqual(expected)); // prettier-ignore
});
