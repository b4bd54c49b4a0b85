import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { apply, kubectl, tryKubectl } from './harness/kubectl.ts';
import { repositoryRoot } from './harness/local.ts';
import { plainPod, vmPod } from './harness/objects.ts';
import { localVmTest, useNamespace } from './harness/suite.ts';
import { deletePod, getPod, guestReport, guestStatus, waitReady } from './harness/vm.ts';

const ns = useNamespace('e2e-uninstall');

function install(...flags: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(join(repositoryRoot, 'dev/install'), flags, { stdio: ['ignore', 'ignore', 'inherit'] });
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`dev/install ${flags.join(' ')}: exit ${code}`))));
  });
}

const exists = async (...args: string[]): Promise<boolean> => (await tryKubectl(['get', ...args])).code === 0;

localVmTest(
  'W29: uninstalled with a VM running: nothing of ours comes back, plain pods are created, the guest runs on; installed again, it is as before',
  ns,
  async () => {
    await apply(ns, vmPod('stays'), plainPod('client'));
    const pod = await waitReady(ns, 'stays');
    await waitReady(ns, 'client');
    const bootId = (await guestReport(ns, 'client', pod.status.podIP!))['boot_id'];
    try {
      await install('--uninstall');
      await new Promise((resolve) => setTimeout(resolve, 10_000));
      for (const kind of ['mutatingwebhookconfiguration', 'validatingwebhookconfiguration'])
        expect(await exists(kind, 'podvisor')).toBe(false);
      for (const kind of ['validatingadmissionpolicy', 'validatingadmissionpolicybinding'])
        expect(await exists(kind, 'podvisor-vm-shape')).toBe(false);
      await apply(ns, plainPod('plain'));
      await waitReady(ns, 'plain');
      expect((await guestReport(ns, 'client', pod.status.podIP!))['boot_id']).toBe(bootId);
      expect(guestStatus(await getPod(ns, 'stays')).restartCount).toBe(0);
    } finally {
      await install();
    }
    expect((await guestReport(ns, 'client', pod.status.podIP!))['boot_id']).toBe(bootId);
    await deletePod(ns, 'stays');
    await kubectl(['delete', 'pod', 'plain', '-n', ns]);
  },
  600_000,
);
