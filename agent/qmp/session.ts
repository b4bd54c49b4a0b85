import type { Duplex } from 'node:stream';
import type { Clock } from '../../runtime/clock.ts';
import { messageOf, PodvisorError } from '../../runtime/errors.ts';
import { isRecord } from '../../runtime/record.ts';
import { plainText } from '../status-lines.ts';
import { createQmpDecoder, encodeCommand, type QmpMessage } from './framing.ts';

/** What QEMU says unasked (qapi events). */
export interface QmpEvent {
  readonly name: string;
  readonly data: QmpMessage;
}

/** The commands we speak, with what they take and give (QEMU's qapi schema). */
export interface QmpCommands {
  qmp_capabilities: { arguments: Record<string, never>; returns: QmpMessage };
  'query-status': { arguments: Record<string, never>; returns: { readonly status?: unknown } };
  'query-cpus-fast': { arguments: Record<string, never>; returns: unknown };
  system_powerdown: { arguments: Record<string, never>; returns: QmpMessage };
}

/** Who is told. */
export interface QmpListener {
  onEvent(event: QmpEvent): void;
  /** Once, however it ended; '' = the peer closed. */
  onClosed(reason: string): void;
}

/** A monitor connection whose handshake is done. */
export interface QmpSession {
  execute<C extends keyof QmpCommands>(command: C, args?: QmpCommands[C]['arguments']): Promise<QmpCommands[C]['returns']>;
  close(): void;
}

/** Options of {@link openQmp}. */
export interface QmpOptions {
  readonly clock: Clock;
  /** Default 10 s: QEMU answers in microseconds, but a stopped one (SIGSTOP, swap storm) does not. */
  readonly timeoutMs?: number;
}

const MAX_EVENT_NAME = 64;
const CLOSED = new PodvisorError('protocol', 'the QMP connection is closed');

/** Shakes hands on a connection QEMU has dialled: greeting, qmp_capabilities. Throws PodvisorError('protocol'). */
export async function openQmp(
  stream: Duplex,
  listener: QmpListener,
  { clock, timeoutMs = 10_000 }: QmpOptions,
): Promise<QmpSession> {
  const greeting = Promise.withResolvers<undefined>();
  const pending = createPending(clock, timeoutMs);
  let open = true;
  const close = (reason: string): void => {
    if (!open) return;
    open = false;
    stream.destroy();
    const error = new PodvisorError('protocol', reason === '' ? 'QEMU closed the QMP connection' : reason);
    greeting.reject(error);
    pending.failAll(error);
    listener.onClosed(reason);
  };
  const decoder = createQmpDecoder();
  stream.on('data', (chunk: Buffer) => {
    try {
      for (const message of decoder.push(chunk))
        dispatch(message, { greet: () => greeting.resolve(undefined), pending, listener });
    } catch (error) {
      close(messageOf(error));
    }
  });
  stream.on('error', (error) => close(error.message)).on('close', () => close(''));
  const session: QmpSession = {
    close: () => close('closed by the agent'),
    execute: (command, args) => (open ? pending.send(stream, command, args) : Promise.reject(CLOSED)),
  };
  const late = clock.timer(timeoutMs, () => close(`QEMU did not greet within ${timeoutMs} ms`));
  await greeting.promise.finally(() => late.cancel());
  await session.execute('qmp_capabilities');
  return session;
}

interface Receivers {
  readonly greet: () => void;
  readonly pending: Pending;
  readonly listener: QmpListener;
}

function dispatch(message: QmpMessage, { greet, pending, listener }: Receivers): void {
  if (isRecord(message['QMP'])) return greet();
  const { event, data } = message;
  if (typeof event === 'string')
    return listener.onEvent({ name: event.slice(0, MAX_EVENT_NAME), data: isRecord(data) ? data : {} });
  pending.answer(message);
}

/** Commands that wait for their answer. */
interface Pending {
  send<T>(stream: Duplex, command: string, args?: object): Promise<T>;
  answer(message: QmpMessage): void;
  failAll(error: Error): void;
}

interface Waiting {
  readonly command: string;
  readonly timer: { cancel(): void };
  resolve(value: unknown): void;
  reject(error: Error): void;
}

function createPending(clock: Clock, timeoutMs: number): Pending {
  const waiting = new Map<number, Waiting>();
  let nextId = 1;
  const take = (id: number): Waiting | undefined => {
    const entry = waiting.get(id);
    waiting.delete(id);
    entry?.timer.cancel();
    return entry;
  };
  return {
    send: <T>(stream: Duplex, command: string, args?: object) =>
      new Promise<T>((resolve, reject) => {
        const id = nextId++;
        const late = new PodvisorError('protocol', `QEMU did not answer ${command} within ${timeoutMs} ms`);
        const timer = clock.timer(timeoutMs, () => take(id)?.reject(late));
        waiting.set(id, { command, timer, resolve: (value) => resolve(value as T), reject });
        stream.write(encodeCommand(command, id, args));
      }),
    answer: ({ id, error, return: value }) => {
      // An id we never gave, or have given up on: not ours to judge.
      const entry = typeof id === 'number' ? take(id) : undefined;
      if (entry === undefined) return;
      if (error === undefined) return entry.resolve(value);
      entry.reject(new PodvisorError('protocol', `QEMU refused ${entry.command}: ${descOf(error)}`));
    },
    failAll: (error) => [...waiting.keys()].forEach((id) => take(id)?.reject(error)),
  };
}

function descOf(error: unknown): string {
  const desc = isRecord(error) ? error['desc'] : undefined;
  return typeof desc === 'string' ? plainText(desc).slice(0, 300) : 'no reason given';
}
