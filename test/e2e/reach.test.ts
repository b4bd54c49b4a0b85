import { Socket } from 'node:net';
import { expect } from '@jest/globals';
import { apply, kubectl, tryKubectl } from './harness/kubectl.ts';
import { onNode } from './harness/local.ts';
import { vmPod } from './harness/objects.ts';
import { localVmTest, useNamespace } from './harness/suite.ts';
import { deletePod, waitReady } from './harness/vm.ts';

const ns = useNamespace('e2e-reach');
const AT_ONCE = 400;

/** Whether a TCP connection is accepted. */
function isOpen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = new Socket();
    const end = (open: boolean) => () => {
      socket.destroy();
      resolve(open);
    };
    socket.setTimeout(5000).once('connect', end(true)).once('timeout', end(false)).once('error', end(false));
    socket.connect(port, host);
  });
}

/** All 65535 ports of an address. */
async function openPorts(host: string): Promise<number[]> {
  const open: number[] = [];
  for (let first = 1; first <= 65_535; first += AT_ONCE) {
    const ports = Array.from({ length: Math.min(AT_ONCE, 65_536 - first) }, (_, index) => first + index);
    const answers = await Promise.all(ports.map((port) => isOpen(host, port)));
    open.push(...ports.filter((_, index) => answers[index]));
  }
  return open;
}

localVmTest(
  'T10: on the pod’s address only the guest’s own port answers, QEMU listens nowhere, and the way in is the right to exec',
  ns,
  async () => {
    await apply(ns, vmPod('reached'));
    const pod = await waitReady(ns, 'reached');
    expect(await openPorts(pod.status.podIP!)).toEqual([80]);

    const inPod = `for p in $(grep -l 'pod${pod.metadata.uid}' /proc/[0-9]*/cgroup); do p=\${p%/cgroup}; case $(cat $p/comm) in qemu*) nsenter --net=$p/ns/net ss -ltnupH; echo looked; break;; esac; done`;
    const listeners = (await onNode(pod.spec.nodeName!, 'sh', '-c', inPod)).split('\n').filter(Boolean);
    expect(listeners.pop()).toBe('looked');
    // The DHCP server of the guest, which the pod's own user does not run.
    expect(listeners.filter((line) => !line.includes('"dnsmasq"'))).toEqual([]);
    expect(listeners.filter((line) => line.startsWith('tcp'))).toEqual([]);

    await kubectl(['create', 'rolebinding', 'viewer', '--clusterrole=view', '--user=viewer', '-n', ns]);
    const monitor = ['exec', '-n', ns, 'reached', '-c', 'guest', '--', 'ls', '/run/podvisor/qmp.sock'];
    expect((await tryKubectl(['get', 'pod', 'reached', '-n', ns, '--as=viewer'])).code).toBe(0);
    expect((await tryKubectl(['--as=viewer', ...monitor])).stderr).toContain('cannot create resource "pods/exec"');
    for (const subresource of ['exec', 'attach', 'portforward']) {
      expect((await tryKubectl(['auth', 'can-i', 'create', `pods/${subresource}`, '-n', ns, '--as=viewer'])).stdout.trim()).toBe(
        'no',
      );
    }
    await deletePod(ns, 'reached');
  },
);
