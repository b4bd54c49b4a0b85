import fc from 'fast-check';
import type { Attachments } from '../../../api/attachments.ts';
import type { GuestNetwork, GuestSpec } from '../../../api/guest-spec.ts';
import { readStoredGuest } from '../../../api/parse-stored.ts';
import type { ObjectMeta, Pod } from '../../../api/pod.ts';
import { violationsText } from '../../../api/violation.ts';
import { deriveMac } from '../../../guest/mac.ts';
import { mutatePod } from '../../../webhooks/pod/mutate-pod.ts';
import { podPatch } from '../../../webhooks/pod/pod-patch.ts';
import { restoreApplied } from '../../../webhooks/pod/restore-applied.ts';
import { validatePod } from '../../../webhooks/pod/validate-pod.ts';
import { vmPod, withDefaults } from '../../build/pod.ts';
import { context as base } from './admit.ts';

const NETWORKS = 'k8s.v1.cni.cncf.io/networks';
const attachments: Attachments = { 'default/lan': { types: ['bridge'] }, 'default/wan': { types: ['bridge'] } };
const context = { ...base, attachments, requestUid: 'request-1' };

function mutated(pod: Pod, requestUid = 'request-1'): Pod {
  const result = mutatePod(pod, { ...context, requestUid });
  if (!result.ok) throw new Error(violationsText(result.violations));
  return result.patched;
}

function guestOf(pod: Pod): GuestSpec {
  const stored = readStoredGuest(pod);
  if (!stored.ok) throw new Error(stored.reason);
  return stored.guest;
}

const macs = (pod: Pod): (string | undefined)[] => guestOf(pod).networks.map(({ mac }) => mac);
const on = (networks: string, metadata: Partial<ObjectMeta> = {}): Pod =>
  withDefaults(vmPod({ metadata: { ...metadata, annotations: { [NETWORKS]: networks } } }));
const told = (pod: Pod): string => pod.metadata.annotations?.[NETWORKS] ?? '';

describe('MAC addresses', () => {
  it('are derived from namespace, name and network, for guest and Multus alike', () => {
    const pod = mutated(on('lan,wan@x0'));
    const [first, lan, wan] = macs(pod);
    expect(first).toBe(deriveMac('default', 'vm', 'pod'));
    expect(lan).toBe(deriveMac('default', 'vm', 'default/lan'));
    expect(JSON.parse(told(pod))).toEqual([
      { name: 'lan', mac: lan },
      { name: 'wan', interface: 'x0', mac: wan },
    ]);
  });

  it('stay with their network when another is put before it', () => {
    const [, lan] = macs(mutated(on('lan')));
    expect(macs(mutated(on('wan,lan')))[2]).toBe(lan);
  });

  it('differ for two uses of one network', () => {
    const [, one, two] = macs(mutated(on('lan,lan')));
    expect(one).not.toBe(two);
  });

  it('that the user asked for win', () => {
    const text = '[ {"name":"lan", "mac":"02-00-00-00-00-0A"}, {"name":"wan","ips":["10.0.0.1/24"]} ]';
    const pod = mutated(on(text));
    expect(macs(pod)[1]).toBe('02:00:00:00:00:0a');
    expect(told(pod)).toBe(text.replace('/24"]}', `/24"],"mac":"${String(macs(pod)[2])}"}`));
    expect(JSON.parse(told(pod))).toEqual([{ name: 'lan', mac: '02-00-00-00-00-0A' }, { name: 'wan', ips: ['10.0.0.1/24'], mac: macs(pod)[2] }]);
  }); // prettier-ignore

  const replica: Partial<ObjectMeta> = {
    name: '',
    generateName: 'web-',
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'u', controller: true }],
  };

  it('of pods without a stable name are drawn for each pod, and hold when the name is there', () => {
    const pods = ['a', 'b', 'c'].map((uid) => mutated(on('lan', replica), uid));
    expect(new Set(pods.flatMap(macs)).size).toBe(6);
    for (const pod of pods) {
      expect(macs(pod).every((mac) => mac?.startsWith('06:'))).toBe(true);
      const named = { ...pod, metadata: { ...pod.metadata, name: 'web-abcde' } };
      expect(validatePod(named, { ...context, requestUid: 'another' }).violations).toEqual([]);
    }
  });

  it('never collide between replicas of a large workload', () => {
    const all = Array.from({ length: 3000 }, (_, index) => macs(mutated(on('lan', replica), `uid-${index}`))).flat();
    expect(new Set(all).size).toBe(all.length);
  });
});

describe('running admission again changes nothing', () => {
  const network = fc.record({ name: fc.constantFrom('lan', 'wan'), at: fc.option(fc.constantFrom('x0', 'x1', 'x2')) });
  const text = fc
    .array(network, { minLength: 1, maxLength: 3 })
    .filter((list) => new Set(list.flatMap(({ at }) => at ?? [])).size === list.filter(({ at }) => at !== null).length);
  it('whatever the networks', () => {
    fc.assert(
      fc.property(text, fc.boolean(), (list, json) => {
        const networks = json
          ? JSON.stringify(list.map(({ name, at }) => ({ name, ...(at === null ? {} : { interface: at }) })))
          : list.map(({ name, at }) => (at === null ? name : `${name}@${at}`)).join(',');
        const pod = mutated(on(networks));
        expect(podPatch(pod, mutated(pod, 'request-2'))).toEqual([]);
        expect(validatePod(pod, { ...context, requestUid: 'request-3' }).violations).toEqual([]);
      }),
    );
  });
});

describe('a forged GuestSpec is refused', () => {
  const genuine = mutated(on('lan'));
  const withNetworks = (networks: readonly GuestNetwork[], pod = genuine): string => {
    const text = JSON.stringify({ ...guestOf(pod), networks });
    const annotations = { ...pod.metadata.annotations, 'podvisor.dev/guest': text };
    return violationsText(validatePod({ ...pod, metadata: { ...pod.metadata, annotations } }, context).violations);
  };
  const [pod, lan] = guestOf(genuine).networks as [GuestNetwork, GuestNetwork];
  it.each<[string, GuestNetwork[], string]>([
    ['another VM’s address on the pod network', [{ ...pod, mac: deriveMac('default', 'other', 'pod') }, lan], 'networks[0].mac'],
    ['a drawn address for a pod with a stable name', [{ ...pod, mac: '06:00:00:00:00:01' }, lan], 'networks[0].mac'],
    ['another address than Multus is told', [pod, { ...lan, mac: '02:00:00:00:00:01' }], 'networks[1].mac'],
    ['another binding', [pod, { ...lan, binding: 'macvtap' }], 'networks[1].binding'],
    ['masquerade on a secondary network', [pod, { ...lan, binding: 'masquerade' }], 'networks[1].binding'],
    ['one address twice', [pod, { ...lan, mac: pod.mac! }], 'one MAC address'],
  ])('%s', (_, networks, field) => expect(withNetworks(networks)).toContain(field));

  it('an address that only another VM derives, on a pod without a stable name', () => {
    const replica = mutated(withDefaults(vmPod({ metadata: { name: '', generateName: 'web-' } })));
    const [first] = guestOf(replica).networks as [GuestNetwork];
    expect(withNetworks([{ ...first, mac: deriveMac('default', 'vm', 'pod') }], replica)).toContain('networks[0].mac');
  });

  it('not one of the version before, which had no addresses', () => {
    const { name, interface: nic, binding } = pod;
    const stored = mutated(withDefaults(vmPod()));
    expect(withNetworks([{ name, interface: nic, binding }], stored)).toBe('');
  });
});

describe('the same file applied again', () => {
  const update = (stored: Pod, networks: string): Pod => ({
    ...stored,
    metadata: { ...stored.metadata, annotations: { ...stored.metadata.annotations, [NETWORKS]: networks } },
  });
  it.each(['lan, wan@x0', '[ {"name":"lan"} ]'])('%s: nothing changes', (text) => {
    const stored = mutated(on(text));
    expect(told(stored)).not.toBe(text);
    expect(podPatch(stored, restoreApplied(stored, update(stored, text)))).toEqual([]);
  });
  it('another network stays for others to judge', () => {
    const stored = mutated(on('lan'));
    const asked = update(stored, 'wan');
    expect(restoreApplied(stored, asked)).toEqual(asked);
  });
});
