import { expect, test } from '@jest/globals';
import { apply } from './harness/kubectl.ts';
import { eventually } from '../build/eventually.ts';
import { runInGuest } from './harness/console.ts';
import { vmPod } from './harness/objects.ts';
import { consoleLog, deleteAndRead, waitReady } from './harness/vm.ts';
import { useNamespace, vmTest } from './harness/suite.ts';

const DEBIAN = 'localhost/podvisor/guest-debian:dev';
const MINUTE = 60_000;

// Minutes to build and, emulated, minutes to boot: a matter of `make soak`, which also loads the image.
if (process.env['PODVISOR_SOAK'] === '1') boots();
else test.skip('a full Debian boots (only in make soak)', () => undefined);

function boots(): void {
  const ns = useNamespace('e2e-debian');
  vmTest(
    'a full Debian boots, is configured by cloud-init, answers on its SSH port, and shuts down by the power button',
    ns,
    async () => {
      const guest = {
        image: DEBIAN,
        ports: [{ containerPort: 22 }],
        readinessProbe: { tcpSocket: { port: 22 }, periodSeconds: 2 },
        resources: { limits: { cpu: '1', memory: '512Mi' } },
      };
      await apply(ns, vmPod('debian', { guest, pod: { terminationGracePeriodSeconds: 100 } }));
      await waitReady(ns, 'debian', 420);
      // What is typed before the login shell reads is thrown away by getty.
      await eventually('a prompt', async () => (await consoleLog(ns, 'debian')).includes('root@guest-debian:~#'), 3 * MINUTE);
      const ask = (command: string): Promise<string> => runInGuest(ns, 'debian', command, 3 * MINUTE);
      expect(await ask('cloud-init status --wait >/dev/null; cloud-init status')).toContain('status: done');
      expect(await ask('systemctl is-active ssh systemd-networkd')).toMatch(/^active\s+active$/);
      expect(await ask('ip -4 -o address show scope global')).toContain('10.0.2.2/24');
      expect(await ask("dpkg-query -W -f '${db:Status-Status}' qemu-guest-agent")).toBe('installed');
      expect(await deleteAndRead(ns, 'debian', '--timeout=110s')).toContain('reboot: Power down');
    },
    12 * MINUTE,
  );
}
