import { expect, test } from '@jest/globals';
import type { Container, Pod } from '../../../api/pod.ts';
import { mutatePod } from '../../../webhooks/pod/mutate-pod.ts';
import { podPatch } from '../../../webhooks/pod/pod-patch.ts';
import { restoreApplied } from '../../../webhooks/pod/restore-applied.ts';
import { vmPod } from '../../build/pod.ts';

const context = { launcherImage: 'localhost/podvisor/launcher:dev', accelerators: { kvm: false, tcg: true }, namespace: 'team' };
const user = vmPod();

function admitted(pod: Pod): Pod {
  const mutation = mutatePod(pod, context);
  if (!mutation.ok) throw new Error(JSON.stringify(mutation.violations));
  return mutation.patched;
}

/** What a three-way merge makes of the stored pod when the user's file is applied again. */
function applied(stored: Pod, change: (container: Container) => Container): Pod {
  return {
    ...stored,
    spec: { ...stored.spec, containers: stored.spec.containers.map((one, at) => (at === 0 ? change(one) : one)) },
  };
}

const stored = admitted(user);
const written = user.spec.containers[0]!;

test.each<[string, (container: Container) => Container]>([
  ['the user’s image comes back', (one) => ({ ...one, image: written.image! })],
  [
    'the user’s memory limit comes back beside our request',
    (one) => ({
      ...one,
      resources: { ...one.resources, limits: { ...one.resources?.limits, memory: written.resources!.limits!['memory']! } },
    }),
  ],
  ['nothing comes back', (one) => one],
])('%s: nothing changes', (_sentence, change) => {
  expect(restoreApplied(stored, applied(stored, change))).toEqual(stored);
});

test('a claim whose path comes back beside ours is one disk still', () => {
  const withDisk = applied(user, (one) => ({ ...one, volumeDevices: [{ name: 'data', devicePath: '/dev/data' }] }));
  const volumes = [...(user.spec.volumes ?? []), { name: 'data', persistentVolumeClaim: { claimName: 'data' } }];
  const disk = admitted({ ...withDisk, spec: { ...withDisk.spec, volumes } });
  const again = applied(disk, (one) => ({
    ...one,
    volumeDevices: [...(one.volumeDevices ?? []), { name: 'data', devicePath: '/dev/data' }],
  }));
  expect(podPatch(disk, restoreApplied(disk, again))).toEqual([]);
});

test.each<[string, (container: Container) => Container]>([
  ['another image', (one) => ({ ...one, image: 'localhost/other:1' })],
  ['another size', (one) => ({ ...one, resources: { ...one.resources, limits: { ...one.resources?.limits, memory: '1Gi' } } })],
])('%s stays for validation to refuse', (_sentence, change) => {
  const asked = applied(stored, change);
  expect(restoreApplied(stored, asked)).toEqual(asked);
});

test('a plain pod is left alone', () => {
  expect(restoreApplied(user, user)).toBe(user);
});

test('one CPU more for QEMU stays when the user’s CPU limit comes back', () => {
  const annotations = { 'podvisor.dev/dedicated-cpus': 'true', 'podvisor.dev/emulator-threads': 'isolate' };
  const user = vmPod({ annotations });
  const stored = admitted(user);
  const limits = { ...stored.spec.containers[0]!.resources!.limits, cpu: '1' };
  const again = applied(stored, (one) => ({ ...one, resources: { ...one.resources, limits } }));
  expect(restoreApplied(stored, again)).toEqual(stored);
});
