import { pino, stdSerializers } from 'pino';

/** Structured log: a constant message and fixed keys (`pod`, `node`, `vm`, `migration`, `reason`, `err`). */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Log;
}

/** Levels a user may ask for. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** JSON lines on stdout. `component` is in every line. */
export function createLog(component: string, level: LogLevel = 'info'): Log {
  return pino({
    level,
    base: { component },
    messageKey: 'message',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: stdSerializers.err },
  });
}

/** Says nothing. For tests and for callers that have no log. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLog,
};
