import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { RequestHandler, Response } from 'express';
import type { Clock } from '../../runtime/clock.ts';

/** Who may ask: anybody, or holders of a certificate of the client CA; names limit them to some common names. */
export type Callers = 'anybody' | readonly string[];

/** A little less than the webhooks' timeoutSeconds: an answer after that would reach nobody. */
const DEADLINE_MS = 1800;

/** A request that has not arrived whole in time is ended, so that nobody can hold connections open with halves of it. */
export function deadline(clock: Clock): RequestHandler {
  return (request, response, next) => {
    const timer = clock.timer(DEADLINE_MS, () => {
      // It is all here, and its answer on the way.
      if (request.complete) return;
      response.once('finish', () => request.destroy());
      if (!response.headersSent) answerText(response, 408, `not received whole within ${DEADLINE_MS / 1000} s`);
    });
    response.once('close', () => timer.cancel());
    next();
  };
}

/** 401 without a certificate of the client CA, 403 with one that has another name. */
export function authenticated(callers: Callers): RequestHandler {
  return (request, response, next) => {
    const reason = callers === 'anybody' ? undefined : refusal(request.socket, callers);
    if (reason === undefined) next();
    else answerText(response, reason.status, reason.text);
  };
}

function refusal(socket: Socket, names: readonly string[]): { status: number; text: string } | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized)
    return { status: 401, text: 'only callers with a certificate of the client CA may ask (--client-ca)' };
  const { CN } = socket.getPeerCertificate().subject;
  const name = Array.isArray(CN) ? CN.join(', ') : (CN ?? '');
  if (names.length === 0 || names.includes(name)) return undefined;
  return { status: 403, text: `callers named "${name}" may not ask (--client-names)` };
}

/** One line of plain text. */
export function answerText(response: Response, status: number, text: string): void {
  response.status(status).type('text/plain').send(`${text}\n`);
}
