import { expect } from '@jest/globals';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../build/eventually.ts';
import { apply, tryKubectl } from './harness/kubectl.ts';
import { vmPod } from './harness/objects.ts';
import { deletePod, getPod, waitReady } from './harness/vm.ts';
import { useNamespace, vmTest } from './harness/suite.ts';

const ns = useNamespace('e2e-isolation');

vmTest('T1, T2, T10: a shell in the launcher container has nothing to escape with', ns, async () => {
  await apply(ns, vmPod('cell'));
  await waitReady(ns, 'cell');
  const shell = async (script: string): Promise<string> => {
    const { stdout, stderr } = await tryKubectl(['exec', '-n', ns, 'cell', '-c', 'guest', '--', 'sh', '-c', script]);
    return (stdout + stderr).trim();
  };
  const status = await shell('while read -r line; do echo "$line"; done < /proc/self/status');
  expect(status).toMatch(/CapEff:\s+0000000000000000/);
  expect(status).toMatch(/CapBnd:\s+0000000000000000/);
  expect(status).toMatch(/NoNewPrivs:\s+1/);
  expect(status).toMatch(/Seccomp:\s+2/);
  expect(status).toMatch(/Uid:\s+107/);
  expect(await shell('[ -e /var/run/secrets/kubernetes.io/serviceaccount/token ] && echo token || echo none')).toBe('none');
  for (const directory of ['/', '/usr/bin', '/run/podvisor', '/podvisor/boot', '/etc', '/tmp', '/var/tmp']) {
    expect([directory, await shell(`(echo x > ${directory}/probe) 2>/dev/null && echo writable || echo refused`)]).toEqual([
      directory,
      'refused',
    ]);
  }
  expect(await shell('set -- /run/podvisor/*.sock; echo $#')).toBe('1');
  expect(await escapes(shell)).toEqual(
    Object.fromEntries(ATTEMPTS.map((name) => [name, expect.stringMatching(/^E(PERM|ACCES)$/)])),
  );
  expect((await getPod(ns, 'cell')).metadata.annotations?.['podvisor.dev/guest']).toBeDefined();
  await deletePod(ns, 'cell');
});

const ATTEMPTS = ['mount', 'bpf', 'userns', 'mknod', 'ptrace-qemu', 'ptrace-init', 'guest-memory', 'setuid-root', 'chroot'];
const FIND_QEMU =
  'for p in /proc/[0-9]*; do read -r name < $p/comm || continue; case $name in qemu*) echo ${p#/proc/};; esac; done';

/** Runs the probe beside QEMU, as its user. It is carried in through the one writable place and started by the loader, as nothing can be made executable. */
async function escapes(shell: (script: string) => Promise<string>): Promise<Record<string, string>> {
  const work = mkdtempSync(join(tmpdir(), 'podvisor-probe-'));
  try {
    execFileSync('gcc', ['-O1', '-o', join(work, 'probe'), join(import.meta.dirname, 'probe/escape.c')]);
    const probe = readFileSync(join(work, 'probe'));
    const carry = ['exec', '-i', '-n', ns, 'cell', '-c', 'guest', '--', 'dd', 'of=/podvisor/scratch/probe', 'status=none'];
    // Again if need be: kubectl exec sometimes loses an input that ends at once.
    await eventually('the probe is in the container', async () => {
      spawnSync('kubectl', carry, { input: probe, env: process.env });
      return (await shell('stat -c %s /podvisor/scratch/probe')) === String(probe.length);
    });
    const answers = await shell(`/lib64/ld-linux-x86-64.so.2 /podvisor/scratch/probe $(${FIND_QEMU})`);
    return Object.fromEntries(answers.split('\n').map((line) => line.split('=') as [string, string]));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
