import { spawn } from 'node:child_process';
import { eventually } from '../../build/eventually.ts';

/** What a pod's port answers through `kubectl port-forward`. */
export async function fetchThroughPortForward(namespace: string, pod: string, port: number): Promise<string> {
  const child = spawn('kubectl', ['port-forward', '-n', namespace, `pod/${pod}`, `:${port}`], { env: process.env });
  try {
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const local = await eventually('port-forward listens', () => Promise.resolve(/127\.0\.0\.1:(\d+)/.exec(text)?.[1]), 15_000);
    return await eventually('an answer', async () => (await fetch(`http://127.0.0.1:${local}/`)).text(), 15_000);
  } finally {
    child.kill();
  }
}
