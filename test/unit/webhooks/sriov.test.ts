import type { Attachments } from '../../../api/attachments.ts';
import { readStoredGuest } from '../../../api/parse-stored.ts';
import type { Pod } from '../../../api/pod.ts';
import { violationsText } from '../../../api/violation.ts';
import { mutatePod } from '../../../webhooks/pod/mutate-pod.ts';
import { podPatch } from '../../../webhooks/pod/pod-patch.ts';
import { validatePod } from '../../../webhooks/pod/validate-pod.ts';
import { injectNetworkResources } from '../../build/network-resources-injector.ts';
import { container, vmPod, withDefaults } from '../../build/pod.ts';
import { context as base } from './admit.ts';

const NETWORKS = 'k8s.v1.cni.cncf.io/networks';
const attachments: Attachments = {
  'default/fast': { types: ['sriov'], resourceName: 'example.com/fast', nodeSelector: { 'example.com/rack': 'r1' } },
  'default/wide': { types: ['sriov'], resourceName: 'example.com/wide', nodeSelector: { 'example.com/card': 'x' } },
  'default/far': { types: ['sriov'], resourceName: 'example.com/wide', nodeSelector: { 'example.com/rack': 'r2' } },
  'default/marked': { types: ['bridge'], resourceName: 'bridge.network.kubevirt.io/br1' },
  'default/lan': { types: ['bridge'] },
};
const context = { ...base, attachments, requestUid: 'request-1' };

function admit(pod: Pod): { pod: Pod; warnings: readonly string[] } {
  const result = mutatePod(pod, context);
  if (!result.ok) throw new Error(violationsText(result.violations));
  return { pod: result.patched, warnings: result.warnings };
}
function refusal(pod: Pod): string {
  const result = mutatePod(pod, context);
  return result.ok ? 'admitted' : violationsText(result.violations);
}

type Fields = Parameters<typeof vmPod>[0] & { sidecarFirst?: boolean };
function on(networks: string, { sidecarFirst = false, ...fields }: Fields = {}): Pod {
  const pod = vmPod({ ...fields, annotations: { [NETWORKS]: networks, 'podvisor.dev/container': 'guest' } });
  const containers = sidecarFirst ? [container(), ...pod.spec.containers] : pod.spec.containers;
  return withDefaults({ ...pod, spec: { ...pod.spec, containers } });
}
const amounts = (pod: Pod) =>
  Object.fromEntries(
    pod.spec.containers.map(({ name, resources = {} }) => {
      const list = Object.entries(resources.limits ?? {}).filter(([key]) => key.startsWith('example.com/'));
      for (const [key, amount] of list) expect(resources.requests?.[key]).toBe(amount);
      return [name, Object.fromEntries(list)];
    }),
  );

describe('requests', () => {
  it('are summed by resource and put on the guest container', () => {
    const { pod, warnings } = admit(on('fast,wide,fast,lan', { sidecarFirst: true }));
    expect(amounts(pod)).toEqual({ side: {}, guest: { 'example.com/fast': '2', 'example.com/wide': '1' } });
    expect(warnings.join()).not.toContain('example.com');
    expect(validatePod(pod, context).violations).toEqual([]);
  });

  it('go with the GuestSpec, binding sriov by itself', () => {
    const stored = readStoredGuest(admit(on('fast')).pod);
    expect(stored.ok && stored.guest.networks[1]).toMatchObject({ binding: 'sriov', resource: 'example.com/fast', mac: expect.stringMatching(/^02:/) as string });
  }); // prettier-ignore

  it('are made for resources that are no functions, too', () => {
    const limits = admit(on('marked')).pod.spec.containers[0]?.resources?.limits;
    expect(limits?.['bridge.network.kubevirt.io/br1']).toBe('1');
  });

  it('that the user wrote as they are needed stay', () => {
    const resources = { limits: { cpu: '1', memory: '128Mi', 'example.com/fast': 1 } };
    expect(admit(on('fast', { guest: { resources } })).pod.spec.containers[0]?.resources?.limits?.['example.com/fast']).toBe(1);
  });

  it.each<[string, Pod, string]>([
    ['another number', on('fast', { guest: { resources: { limits: { memory: '128Mi', 'example.com/fast': 3 } } } }), "the guest's networks need 1; remove it"],
    ['one on a sidecar', on('fast', { sidecars: [container({ resources: { limits: { 'example.com/fast': '1' } } })] }), 'Multus could give its device to this container instead'],
  ])('%s is refused', (_, pod, reason) => expect(refusal(pod)).toContain(reason)); // prettier-ignore
});

describe('beside network-resources-injector', () => {
  const needed = { 'example.com/fast': 2, 'example.com/wide': 1 };
  const wanted = { 'example.com/fast': '2', 'example.com/wide': '1' };
  const cases: [sidecarFirst: boolean, honor: boolean][] = [[false, false], [false, true], [true, false], [true, true]]; // prettier-ignore

  it.each(cases)('before us, sidecar first: %p, honor-resources: %p', (sidecarFirst, honor) => {
    const injected = injectNetworkResources(on('fast,wide,fast', { sidecarFirst }), needed, honor);
    const { pod } = admit(injected);
    expect(amounts(pod)).toEqual({ ...(sidecarFirst ? { side: {} } : {}), guest: wanted });
    expect(podPatch(pod, admit(pod).pod)).toEqual([]);
    expect(validatePod(pod, context).violations).toEqual([]);
  });

  it.each(cases)('after us, sidecar first: %p, honor-resources: %p, then we are called again', (sidecarFirst, honor) => {
    const ours = admit(on('fast,wide,fast', { sidecarFirst })).pod;
    const injected = injectNetworkResources(ours, needed, honor);
    if (!honor) expect(injected).toBe(ours);
    const again = admit(injected);
    expect(amounts(again.pod)).toEqual({ ...(sidecarFirst ? { side: {} } : {}), guest: wanted });
    expect(again.warnings.join().includes('honor-resources')).toBe(honor);
    expect(podPatch(again.pod, admit(again.pod).pod)).toEqual([]);
    expect(validatePod(again.pod, context).violations).toEqual([]);
  });

  it('what it doubled is taken back also when somebody has put a sidecar before the guest since', () => {
    const doubled = injectNetworkResources(admit(on('fast,wide,fast')).pod, needed, true);
    const behind = { ...doubled, spec: { ...doubled.spec, containers: [container(), ...doubled.spec.containers] } };
    const { pod, warnings } = admit(behind);
    expect(amounts(pod)).toEqual({ side: {}, guest: wanted });
    expect(warnings.join()).toContain('honor-resources');
  });

  it('says which mode it showed', () => {
    const injectorOf = (pod: Pod) => {
      const result = mutatePod(pod, context);
      return result.ok ? result.injector : 'refused';
    };
    const ours = admit(on('fast,wide,fast')).pod;
    expect(injectorOf(on('fast'))).toBeUndefined();
    expect(injectorOf(injectNetworkResources(on('fast'), { 'example.com/fast': 1 }))).toBe('unknown');
    expect(injectorOf(injectNetworkResources(ours, needed))).toBeUndefined();
    expect(injectorOf(injectNetworkResources(ours, needed, true))).toBe('honor-resources');
  });

  it('what it doubled is refused where nobody took it back', () => {
    const doubled = injectNetworkResources(admit(on('fast,wide,fast')).pod, needed, true);
    expect(violationsText(validatePod(doubled, context).violations)).toContain("the guest's networks need 2");
  });
});

describe('nodes that have the network', () => {
  it('are asked for beside what the pod asks for', () => {
    const { pod } = admit(on('fast,wide', { spec: { nodeSelector: { zone: 'a', 'example.com/rack': 'r1' } } }));
    expect(pod.spec['nodeSelector']).toEqual({ zone: 'a', 'example.com/rack': 'r1', 'example.com/card': 'x' });
    expect(podPatch(pod, admit(pod).pod)).toEqual([]);
  });

  it('cannot be others than the pod’s', () => {
    const text = refusal(on('fast', { spec: { nodeSelector: { 'example.com/rack': 'r9' } } }));
    expect(text).toContain('spec.nodeSelector[example.com/rack]: "r9": NetworkAttachmentDefinition \'default/fast\' is only on nodes with example.com/rack=r1');
  }); // prettier-ignore

  it('cannot be none for two networks', () => {
    const text = refusal(on('fast,far'));
    for (const part of ["'default/fast'", "'default/far'", 'rack=r1', 'rack=r2', 'no node has both'])
      expect(text).toContain(part);
  });

  it('are looked for in the final pod again', () => {
    const { pod } = admit(on('fast'));
    const moved = { ...pod, spec: { ...pod.spec, nodeSelector: {} } };
    expect(violationsText(validatePod(moved, context).violations)).toContain('spec.nodeSelector[example.com/rack]: is missing');
  });
});
