import { expect } from '@jest/globals';
import { apply, tryKubectl } from './harness/kubectl.ts';
import { vmPod } from './harness/objects.ts';
import { deletePod, getPod, waitReady } from './harness/vm.ts';
import { useNamespace, vmTest } from './harness/suite.ts';

const ns = useNamespace('e2e-isolation');

vmTest('a shell in the launcher container has nothing to escape with', ns, async () => {
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
  // The system calls themselves, because the image holds no mount, gdb or bpftool: QEMU's own image has no interpreter either.
  expect(await shell('unshare -r true 2>&1 || mount -t tmpfs x /podvisor/scratch 2>&1 || echo refused')).toMatch(
    /refused|not found|denied|not permitted/i,
  );
  expect((await getPod(ns, 'cell')).metadata.annotations?.['podvisor.dev/guest']).toBeDefined();
  await deletePod(ns, 'cell');
});
