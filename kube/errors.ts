/** Kubernetes' Status object, the body of every error answer (apimachinery meta/v1 Status). */
export interface KubeStatus {
  readonly kind?: string;
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly code?: number;
  readonly details?: {
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly { readonly reason?: string; readonly message?: string }[];
  };
}

/**
 * A request to the API server that did not succeed. `status` is the HTTP status, 0 when there was no answer (`reason` is
 * then `Unreachable`, `Timeout` or `Aborted`). `reason` is Kubernetes' machine-readable word, such as `AlreadyExists`.
 */
export class KubeError extends Error {
  readonly status: number;
  readonly reason: string;
  /** How long the server asks to be left alone. Milliseconds. */
  readonly retryAfterMs?: number;
  constructor(
    status: number,
    reason: string,
    message: string,
    options: { retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'KubeError';
    this.status = status;
    this.reason = reason;
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
  }
}

const hasStatus = (error: unknown, status: number): boolean => error instanceof KubeError && error.status === status;

/** 404: the object (or its namespace, or its kind) is not there. */
export const isNotFound = (error: unknown): boolean => hasStatus(error, 404);
/** 409 on a create: the name is taken. */
export const isAlreadyExists = (error: unknown): boolean =>
  hasStatus(error, 409) && (error as KubeError).reason === 'AlreadyExists';
/** 409 on a write: somebody else wrote first; read again and requeue. */
export const isConflict = (error: unknown): boolean => hasStatus(error, 409) && (error as KubeError).reason !== 'AlreadyExists';
/**
 * On a write to an object that has its uid in the body: the object is not there any more, or another one has its name by now, which the API server
 * says with a conflict or, as a uid cannot change, with 422 (Invalid). Nobody is left to write to.
 */
export const isNoLongerThere = (error: unknown): boolean => isNotFound(error) || isConflict(error) || hasStatus(error, 422);
/** 410: the version asked for is no longer kept (etcd compaction); list again. */
export const isGone = (error: unknown): boolean => hasStatus(error, 410);

/** What a thrown value asks us to wait, if it is a {@link KubeError} that says so. Milliseconds. */
export function retryAfterOf(error: unknown): number | undefined {
  return error instanceof KubeError ? error.retryAfterMs : undefined;
}
