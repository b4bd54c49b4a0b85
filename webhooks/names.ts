/** Names this room puts into a cluster; the manifests name the same. */

/** Both webhook configurations. */
export const CONFIGURATION_NAME = 'podvisor';
/** Webhook names: what kubectl shows in `admission webhook "…" denied the request`. */
export const MUTATE_WEBHOOK = 'mutate.podvisor.dev';
export const VALIDATE_WEBHOOK = 'validate.podvisor.dev';
export const POLICY_WEBHOOK = 'validate-policy.podvisor.dev';

/**
 * What to do when we do not answer. The path of a webhook is all of ours that the API server shows when a call fails (`failed calling
 * webhook …: Post "https://…/PATH?timeout=2s": …`), so the hint is in it. Each segment must be a DNS-1123 subdomain: lower-case letters,
 * digits, '-' and '.', no spaces (apiserver pkg/util/webhook/validation.go). ADR 0004.
 */
const HINT = 'podvisor-does-not-answer/so-vm-pods-are-refused-for-now/check.with.kubectl-get-pods--namespace-podvisor-system';
export const MUTATE_PATH = `/mutate/${HINT}`;
export const VALIDATE_PATH = `/validate/${HINT}`;
export const POLICY_PATH = '/validate-policy/podvisor-does-not-answer/check.with.kubectl-get-pods--namespace-podvisor-system';
/** GET: answered by every replica that serves; the publisher calls it through the Service. */
export const PROBE_PATH = '/readyz-probe';

/** Secret with authority and serving certificate. */
export const SECRET_NAME = 'podvisor-webhook-tls';
