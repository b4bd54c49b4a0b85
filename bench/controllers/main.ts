/**
 * bench/controllers: what the audit of 5,000 VM pods by 100 policies costs, in pure computation against reading the pods' JSON alone, and in
 * memory of the process (Linux /proc/PID/status) against the process without pods, on a real API server.
 */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { parseAllDocuments } from 'yaml';
import { createAudit } from '../../controllers/policy-status/audit.ts';
import { createPacker, unpacked } from '../../controllers/policy-status/packed-text.ts';
import { vmPod } from '../../controllers/vm-pods.ts';
import type { KubeObject } from '../../kube/objects.ts';
import { KINDS, pathOf } from '../../kube/paths.ts';
import { compilePolicy } from '../../policy/compile.ts';
import { asciiOnly } from '../../dev/bundle/ascii-only.ts';
import { eventually } from '../../test/build/eventually.ts';
import { startApiServer, type ApiServer } from '../../test/integration/api-server.ts';
import { applyBase } from '../../test/integration/controllers/rig.ts';
import { figure } from '../lib/statistics.ts';
import { auditedPolicy, NAMESPACES, runningPod } from './subjects.ts';

const ROOT = join(import.meta.dirname, '../..');
const PODS = Number(process.env['PODVISOR_BENCH_PODS'] ?? 5000);
const POLICIES = Number(process.env['PODVISOR_BENCH_POLICIES'] ?? 100);
const WRITERS = 32;

const pods = Array.from({ length: PODS }, (_, at) => runningPod(at));
const policies = Array.from({ length: POLICIES }, (_, at) => auditedPolicy(at));

const took = (work: () => void): number => {
  const begun = performance.now();
  work();
  return performance.now() - begun;
};

function pureCost(): number {
  const audit = createAudit();
  const pack = createPacker();
  const stored = pods.map(
    (pod) => vmPod({ ...pod, metadata: { ...pod.metadata, uid: `uid-${pod.metadata.name ?? ''}` } } as KubeObject, pack)!.stored,
  );
  const drain = (): void => {
    while (audit.step(Date.UTC(2026, 0, 1)));
  };
  const keyOf = (at: number): string => `${stored[at]!.namespace}/vm-${at}`;
  stored.forEach((vm, at) => audit.setPod(keyOf(at), vm));
  const compiled = policies.map((policy) => compilePolicy(policy));
  const whole = took(() => {
    for (const policy of compiled) audit.setPolicy(policy.name, policy);
    drain();
  });
  audit.recheckLimits();
  drain();
  const onePolicy = took(() => {
    audit.setPolicy('policy-0', compiled[0]);
    drain();
  });
  const onePod = took(() => {
    audit.setPod(keyOf(0), { ...stored[0]!, text: pack(`${unpacked(stored[0]!.text)} `) });
    drain();
  });
  const limits = took(() => {
    audit.setPod(keyOf(0), undefined);
    audit.recheckLimits();
    drain();
  });
  const texts = stored.map(({ text }) => unpacked(text));
  const baseline = took(() => texts.forEach((text) => JSON.parse(text) as unknown));
  const mean = (sizes: readonly number[]): number => sizes.reduce((sum, size) => sum + size, 0) / PODS;
  const [size, kept] = [mean(texts.map(({ length }) => length)), mean(stored.map(({ text }) => text.bytes.length))];
  console.log(
    `  ${PODS} pods of ${figure(size)} bytes, kept in ${figure(kept)}, ${POLICIES} policies; read once as JSON: ${figure(baseline)} ms`,
  );
  console.log(`  all by all ${figure(whole)} ms, all by one policy ${figure(onePolicy)} ms, one pod by all ${figure(onePod)} ms`);
  console.log(`  limits of one namespace of ${PODS / NAMESPACES.length} pods ${figure(limits)} ms`);
  return whole / baseline;
}

async function createAll(api: ApiServer): Promise<void> {
  for (const name of NAMESPACES)
    await api.client.create(pathOf(KINDS.namespaces), { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  await eventually('the CRD is served', () => api.client.get<object>(pathOf(KINDS.policies)));
  for (const policy of policies) await api.client.create(pathOf(KINDS.policies), policy);
  const left = [...pods];
  const writer = async (): Promise<void> => {
    for (let pod = left.pop(); pod !== undefined; pod = left.pop()) {
      await api.client.create(pathOf(KINDS.pods, { namespace: pod.metadata.namespace ?? '' }), pod);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
}

interface Container {
  readonly command: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string }[];
}

/** V8's flags and malloc's variables, as the manifest gives them. */
function processSettings(): { readonly flags: readonly string[]; readonly env: Readonly<Record<string, string>> } {
  const documents = parseAllDocuments(readFileSync(join(ROOT, 'manifests/base/controllers.yaml'), 'utf8'));
  const deployment = documents.map(
    (document) => document.toJS() as { kind: string; spec: { template?: { spec: { containers: Container[] } } } },
  );
  const container = deployment.find(({ kind }) => kind === 'Deployment')?.spec.template?.spec.containers[0];
  if (container === undefined) throw new Error('controllers.yaml has no Deployment');
  const malloc = container.env.flatMap(({ name, value }) =>
    name.startsWith('MALLOC_') && value !== undefined ? [[name, value]] : [],
  );
  return { flags: container.command.slice(1, -1), env: Object.fromEntries(malloc) as Record<string, string> };
}

/** One file, as in the image: run from sources, Node would hold a TypeScript compiler as well. */
async function bundled(directory: string): Promise<string> {
  const outfile = join(directory, 'controllers.mjs');
  const require = `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`;
  await build({
    entryPoints: [join(import.meta.dirname, 'process.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    banner: { js: require },
  });
  writeFileSync(outfile, asciiOnly(readFileSync(outfile, 'utf8')));
  return outfile;
}

/** Resident memory, now and at most. MiB. */
async function memory(api: ApiServer, settled: () => Promise<boolean>): Promise<{ rss: number; peak: number }> {
  const { flags, env } = processSettings();
  const args = [...flags, await bundled(api.directory), api.connection.server, api.token, join(api.directory, 'ca.crt')];
  const child = spawn(join(ROOT, 'dev/node'), args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  try {
    await eventually('the controllers have written all', settled, 180_000);
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
    return { rss: field('VmRSS'), peak: field('VmHWM') };
  } finally {
    child.kill('SIGKILL');
  }
}

const ratio = pureCost();
const api = await startApiServer();
try {
  await applyBase(api, 'crd-virtualmachinepolicies.yaml');
  const empty = await memory(api, () => Promise.resolve(true));
  await createAll(api);
  const last = pathOf(KINDS.policies, { name: `policy-${POLICIES - 2}` });
  const full = await memory(
    api,
    async () => (await api.client.get<{ status?: { matching: number } }>(last)).status?.matching === PODS,
  );
  console.log(
    `  resident without pods ${figure(empty.rss)} MiB; with all ${figure(full.rss)} MiB, at most ${figure(full.peak)} MiB`,
  );
  console.log(
    `bench/controllers: audit/reading the JSON ${figure(ratio)}; resident with/without pods ${figure(full.rss / empty.rss)}; ${figure(full.rss)} MiB of 100 MiB allowed (${figure(full.rss / 100)})`,
  );
} finally {
  await api.close();
}
