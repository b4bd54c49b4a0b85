import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import type { Clock } from '../../runtime/clock.ts';
import { messageOf } from '../../runtime/errors.ts';
import type { Log } from '../../runtime/log.ts';
import { isRecord } from '../../runtime/record.ts';
import { createRateGate } from '../status-lines.ts';
import { openQmp, type QmpEvent, type QmpSession } from './session.ts';

/** Who is told about a slot's QEMU. */
export interface QemuListener {
  /** Connected; `status` is QEMU's RunState, such as `running`; `threads` are the vCPUs' thread ids in QEMU's pid namespace. */
  onConnected(status: string, threads: readonly number[]): void;
  onEvent(event: QmpEvent): void;
  onClosed(): void;
}

/** A slot's QMP socket. */
export interface QmpServer {
  close(): void;
}

/** Options of {@link listenQmp}. */
export interface QmpServerOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly listener: QemuListener;
}

/** QEMU dials once a second while it has no connection; anybody in the pod may dial as well. */
const CONNECTION_RATE = { count: 20, windowMs: 10_000 };
const MAX_STATUS = 32;

/**
 * Listens where QEMU dials out to. One connection counts, the newest: QEMU only dials again when its old one is dead. Mode 0666,
 * because QEMU is not root; only its own pod has the directory mounted.
 */
export function listenQmp({ path, clock, log, listener }: QmpServerOptions): Promise<QmpServer> {
  rmSync(path, { force: true });
  const gate = createRateGate(CONNECTION_RATE.count, CONNECTION_RATE.windowMs);
  let current: Socket | undefined;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    if (gate.take(clock.now()) > 0) return void socket.destroy();
    current?.destroy();
    current = socket;
    const isCurrent = (): boolean => current === socket;
    serve(socket, isCurrent, { clock, listener }).catch((error: unknown) => {
      log.debug({ reason: messageOf(error) }, 'QMP connection ended before it was of use');
    });
  });
  const close = (): void => {
    current?.destroy();
    current = undefined;
    server.close();
  };
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      chmodSync(path, 0o666);
      resolve({ close });
    });
  });
}

async function serve(
  socket: Socket,
  isCurrent: () => boolean,
  { clock, listener }: Pick<QmpServerOptions, 'clock' | 'listener'>,
): Promise<void> {
  let told = false;
  // Events that come before the answer to query-status are older than it.
  const onEvent = (event: QmpEvent): void => {
    if (told && isCurrent()) listener.onEvent(event);
  };
  const onClosed = (): void => {
    if (told && isCurrent()) listener.onClosed();
  };
  const session = await openQmp(socket, { onEvent, onClosed }, { clock });
  const status = await statusOf(session);
  const threads = threadsOf(await session.execute('query-cpus-fast'));
  if (!isCurrent()) return;
  told = true;
  listener.onConnected(status, threads);
}

async function statusOf(session: QmpSession): Promise<string> {
  const { status } = await session.execute('query-status');
  return typeof status === 'string' ? status.slice(0, MAX_STATUS) : 'unknown';
}

/** Thread ids by vCPU. The tenant's QEMU says them: whoever acts on them checks whose they are. */
function threadsOf(answer: unknown): number[] {
  if (!Array.isArray(answer)) return [];
  const cpus = answer.filter(isRecord).map((cpu) => [Number(cpu['cpu-index']), Number(cpu['thread-id'])] as const);
  return cpus.toSorted(([a], [b]) => a - b).map(([, thread]) => thread);
}
