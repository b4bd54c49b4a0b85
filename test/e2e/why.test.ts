import { expect } from '@jest/globals';
import { spawn } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Explanation } from '../../api/explanation.ts';
import { eventually } from '../build/eventually.ts';
import './harness/environment.ts';
import { apply, kubectl, tryKubectl } from './harness/kubectl.ts';
import { repositoryRoot } from './harness/local.ts';
import { vmPod } from './harness/objects.ts';
import { useNamespace, vmTest } from './harness/suite.ts';
import { condition, getPod, waitReady } from './harness/vm.ts';

/** `podvisor why` as people run it: with a kubeconfig, through the API server and a kubelet, against the scheduler that leads. */
const ns = useNamespace('e2e-why');

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function why(...words: readonly string[]): Promise<Run> {
  return new Promise((resolve, reject) => {
    const args = [join(repositoryRoot, 'cli/main.ts'), 'why', ...words];
    const child = spawn(join(repositoryRoot, 'dev/node'), args, { env: process.env, timeout: 60_000 });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
}

/** A kubeconfig of a ServiceAccount that may get pods here. */
async function kubeconfigOf(account: string): Promise<string> {
  await kubectl(['create', 'serviceaccount', account, '-n', ns]);
  await kubectl(['create', 'role', account, '-n', ns, '--verb=get', '--resource=pods']);
  await kubectl(['create', 'rolebinding', account, '-n', ns, `--role=${account}`, `--serviceaccount=${ns}:${account}`]);
  const token = (await kubectl(['create', 'token', account, '-n', ns])).trim();
  const view = JSON.parse(await kubectl(['config', 'view', '--raw', '--minify', '-o', 'json'])) as { clusters: object[] };
  const [cluster] = view.clusters as [{ name: string }];
  const file = join(tmpdir(), `podvisor-e2e-why-${account}-${process.pid}`);
  const context = { name: 'c', context: { cluster: cluster.name, user: 'u', namespace: ns } };
  const config = { clusters: [cluster], users: [{ name: 'u', user: { token } }], contexts: [context], 'current-context': 'c' };
  await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'Config', ...config }), { mode: 0o600 });
  return file;
}

/** Waits because no kubelet lists its image and it requires that. */
const waiting = vmPod('waits', {
  annotations: { 'placement.podvisor.dev/image': 'require' },
  guest: { image: 'registry.invalid/nobody/has:1' },
});

vmTest('a VM that waits: an administrator is told each reason, the nodes and what is free there', ns, async () => {
  await apply(ns, waiting);
  // In a cluster that has just been made the nodes offer no accelerator yet, and the scheduler refuses by itself.
  await eventually('it was refused for its image', async () => {
    return condition(await getPod(ns, 'waits'), 'PodScheduled')?.message?.includes('boot image');
  });
  const { code, stdout, stderr } = await why('waits', '-n', ns);
  console.log(stdout);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/waits, none of \d+ nodes would do/);
  expect(stdout).toMatch(/its kubelet does not list the boot image, and the guest requires it there +\S*node/);
  expect(stdout).toMatch(/NODE +ZONE +CPUS/);
});

vmTest(
  'a tenant sees the reasons for the own pod by the own token, no nodes, and is told which right is missing',
  ns,
  async () => {
    await apply(ns, waiting);
    const kubeconfig = await kubeconfigOf('tenant');
    const binding = ['rolebinding', 'e2e-why', '-n', 'podvisor-system'];
    try {
      const before = await why('waits', '--kubeconfig', kubeconfig);
      expect(before.code).toBe(77);
      expect(before.stderr).toContain('Role podvisor-explain');
      await kubectl(['create', ...binding, '--role=podvisor-explain', `--serviceaccount=${ns}:tenant`]);
      const seen = await eventually('the right is there', async () => {
        const run = await why('waits', '--kubeconfig', kubeconfig, '-o', 'json');
        return run.code === 0 ? (JSON.parse(run.stdout) as Explanation) : undefined;
      });
      expect(seen.refused[0]?.reason).toContain('does not list the boot image');
      expect(seen.nodes).toEqual([]);
      expect(seen.hidden).toContain('podvisor-node-facts');
      const foreign = await why('waits', '-n', 'default', '--kubeconfig', kubeconfig);
      expect(foreign.code).toBe(77);
      await kubectl(['delete', 'rolebinding', 'tenant', '-n', ns]);
      await eventually(
        'a right that was taken away is gone',
        async () => (await why('waits', '--kubeconfig', kubeconfig)).code === 77,
        30_000,
      );
    } finally {
      await tryKubectl(['delete', ...binding, '--ignore-not-found']);
      await rm(kubeconfig, { force: true });
    }
  },
);

vmTest('a VM that runs: its node, by an own token or certificate', ns, async () => {
  await apply(ns, vmPod('runs'));
  const pod = await waitReady(ns, 'runs');
  const { code, stdout } = await why('pod/runs', '-n', ns);
  console.log(stdout);
  expect(code).toBe(0);
  expect(stdout).toContain(`on node ${pod.spec.nodeName ?? ''}`);
});

vmTest('a pod nobody knows, and one that is no VM, are told', ns, async () => {
  expect(await why('nobody', '-n', ns)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`there is no pod ${ns}/nobody`),
  });
});
