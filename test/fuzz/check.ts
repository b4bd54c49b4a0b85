import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import jsonPatch from 'fast-json-patch';
import type { Operation } from 'fast-json-patch';
import { realClock } from '../../runtime/clock.ts';
import { silentLog } from '../../runtime/log.ts';
import { createMetrics } from '../../runtime/metrics.ts';
import { MUTATE_PATH, VALIDATE_PATH } from '../../webhooks/names.ts';
import { createAdmissionApp } from '../../webhooks/server/app.ts';
import { createAdmissionMetrics } from '../../webhooks/server/metrics.ts';
import type { FuzzCase } from './cases.ts';

/** An admission server to ask. */
export interface Target {
  ask(one: FuzzCase): Promise<{ readonly status: number; readonly text: string }>;
  close(): void;
}

/** The real app over loopback. */
export async function startTarget(): Promise<Target> {
  const app = createAdmissionApp({
    launcherImage: 'localhost/podvisor/launcher:dev',
    accelerators: () => ({ kvm: false, tcg: true }),
    callers: 'anybody',
    clock: realClock,
    metrics: createAdmissionMetrics(createMetrics('fuzz'), () => performance.now()),
    log: silentLog,
  });
  const server = createServer({ keepAlive: true }, app).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  return {
    ask: ({ webhook, body }) =>
      new Promise((resolve, reject) => {
        const path = webhook === 'mutate' ? MUTATE_PATH : VALIDATE_PATH;
        const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
        const out = request({ agent, port, host: '127.0.0.1', method: 'POST', path, headers }, (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
        });
        out.on('error', reject).end(body);
      }),
    close: () => {
      agent.destroy();
      server.closeAllConnections();
      server.close();
    },
  };
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** What is wrong with an answer; '' = it is a valid response or a 4xx. */
export function objection({ body }: FuzzCase, { status, text }: Answer): string {
  if ('polluted' in {}) return 'Object.prototype was changed';
  if (status >= 400 && status < 500) return text.length < 2000 ? '' : `an error of ${text.length} characters`;
  return status === 200 ? responseObjection(body, text) : `status ${status}: ${text}`;
}

interface AnsweredReview {
  readonly kind: string;
  readonly response: {
    readonly uid: string;
    readonly allowed: unknown;
    readonly status?: { readonly message: string };
    readonly patch?: string;
  };
}

function responseObjection(body: string, text: string): string {
  const { kind, response } = JSON.parse(text) as AnsweredReview;
  const { request: asked } = JSON.parse(body) as { request: { uid: string; object: object } };
  if (kind !== 'AdmissionReview' || response.uid !== asked.uid) return 'not an answer to this request';
  if (typeof response.allowed !== 'boolean') return 'allowed is no boolean';
  const message = response.status?.message ?? '';
  if (response.allowed === (message !== '')) return 'a refusal has a message, and nothing else has';
  if (message.length > MAX_MESSAGE) return `a message of ${message.length} characters`;
  return patchObjection(response.patch, asked.object);
}

/** A refusal may name every wrong field, but nobody reads more than this, and API servers log it. */
const MAX_MESSAGE = 20_000;

function patchObjection(patch: string | undefined, object: object): string {
  if (patch === undefined) return '';
  const operations = JSON.parse(Buffer.from(patch, 'base64').toString()) as Operation[];
  try {
    jsonPatch.applyPatch(object, operations, true, true, false);
    return '';
  } catch (error) {
    // The library that checks here recurses, too.
    if (error instanceof RangeError) return '';
    return `the patch does not apply: ${(error as Error).message.slice(0, 200)}`;
  }
}
