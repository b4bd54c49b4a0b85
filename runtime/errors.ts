/** Closed list of what can go wrong from a user's view; maps to exit codes in {@link EXIT_CODES}. */
export type ErrorCode = 'config' | 'io' | 'protocol' | 'unavailable' | 'denied' | 'internal';

/** The one error class of ours: a code, and a message written for the person who reads it. */
export class PodvisorError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'PodvisorError';
    this.code = code;
  }
}

/** Process exit code by error code (sysexits.h where one fits). */
export const EXIT_CODES: Readonly<Record<ErrorCode, number>> = {
  config: 64,
  io: 74,
  protocol: 76,
  unavailable: 69,
  denied: 77,
  internal: 70,
};

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
