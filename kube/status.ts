import { KubeError, type KubeStatus } from './errors.ts';

/** A Status (an error answer's body, or an ERROR event's object) as an error. */
export function errorOfStatus(
  status: KubeStatus,
  fallback: string,
  retryAfterSeconds = status.details?.retryAfterSeconds,
): KubeError {
  // A version from the future (etcd was restored from a backup) can only be healed as a version from the past is: list again.
  const fromFuture = status.details?.causes?.some(({ reason }) => reason === 'ResourceVersionTooLarge') === true;
  return new KubeError(fromFuture ? 410 : (status.code ?? 0), status.reason ?? 'Unknown', status.message ?? fallback, {
    retryAfterMs: retryAfterSeconds === undefined ? undefined : retryAfterSeconds * 1000,
  });
}
