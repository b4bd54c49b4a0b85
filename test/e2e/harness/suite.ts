import { afterAll, beforeAll, test } from '@jest/globals';
import { apply, kubectl, tryKubectl } from './kubectl.ts';
import { eventually } from '../../build/eventually.ts';
import { onLocalCluster } from './local.ts';

/** A namespace that enforces Pod Security `restricted`, made for one test file and deleted after it. */
export function useNamespace(name: string): string {
  beforeAll(async () => {
    await tryKubectl(['delete', 'namespace', name, '--ignore-not-found', '--timeout=120s']);
    await apply(name, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    });
    // The controller-manager makes the default ServiceAccount a moment later; pods before that are refused.
    await eventually('default ServiceAccount', async () => (await tryKubectl(['get', 'sa', 'default', '-n', name])).code === 0);
  }, 180_000);
  afterAll(async () => {
    await kubectl(['delete', 'namespace', name, '--timeout=150s'], { timeoutMs: 170_000 });
  }, 180_000);
  return name;
}

/** A test that, when it fails, prints what its guests did: pods, events, consoles, the agents' and the webhook's last words. */
export function vmTest(sentence: string, namespace: string, body: () => Promise<void>, timeoutMs = 240_000): void {
  test(
    sentence,
    async () => {
      try {
        await body();
      } catch (error) {
        console.log(`--- ${sentence}\n${await diagnosis(namespace)}`);
        throw error;
      }
    },
    timeoutMs,
  );
}

/** A vmTest for the local cluster alone: it reaches below the API, into nodes, their components or the audit log. Skipped elsewhere. */
export function localVmTest(...[sentence, ...rest]: Parameters<typeof vmTest>): void {
  if (onLocalCluster) vmTest(sentence, ...rest);
  else test.skip(`${sentence} (only on the local cluster)`, () => undefined);
}

async function diagnosis(namespace: string): Promise<string> {
  const ask = async (title: string, ...args: string[]): Promise<string> => {
    const { stdout, stderr } = await tryKubectl(args, { timeoutMs: 20_000 });
    return `== ${title}\n${(stdout + stderr).split('\n').slice(-60).join('\n')}`;
  };
  const names = (await tryKubectl(['get', 'pods', '-n', namespace, '-o', 'name'])).stdout.split('\n').filter(Boolean).slice(0, 4);
  const parts = [
    await ask('pods', 'get', 'pods', '-n', namespace, '-o', 'wide'),
    await ask('events', 'get', 'events', '-n', namespace, '--sort-by=.lastTimestamp'),
  ];
  for (const name of names) {
    parts.push(await ask(`${name} describe`, 'describe', '-n', namespace, name));
    parts.push(await ask(`${name} console`, 'logs', '-n', namespace, name, '--all-containers', '--tail=40'));
  }
  parts.push(
    await ask('agents', 'logs', '-n', 'podvisor-agent', '-l', 'app.kubernetes.io/name=podvisor-agent', '--tail=30', '--prefix'),
  );
  parts.push(
    await ask(
      'webhooks',
      'logs',
      '-n',
      'podvisor-system',
      '-l',
      'app.kubernetes.io/name=podvisor-webhook',
      '--tail=20',
      '--prefix',
    ),
  );
  return parts.join('\n');
}
