import { AGENT_NAMESPACE, GUEST_ANNOTATION, NETWORKS_ANNOTATION, SYSTEM_NAMESPACE, VM_LABEL } from '../../api/names.ts';
import { KINDS } from '../../kube/paths.ts';
import {
  CONFIGURATION_NAME,
  MUTATE_PATH,
  MUTATE_WEBHOOK,
  POLICY_PATH,
  POLICY_WEBHOOK,
  VALIDATE_PATH,
  VALIDATE_WEBHOOK,
} from '../names.ts';

/** Where the API server finds the webhooks: a Service in a cluster, a base URL in tests. */
export type Target =
  { readonly service: { readonly namespace: string; readonly name: string; readonly port: number } } | { readonly url: string };

/** What the configurations are made from. */
export interface ConfigurationInput {
  readonly target: Target;
  /** PEM of all authorities to trust. */
  readonly trust: string;
}

/** A webhook configuration as raw JSON. */
export interface WebhookConfiguration {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly resourceVersion?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly webhooks?: readonly Readonly<Record<string, unknown>>[];
}

const API_VERSION = 'admissionregistration.k8s.io/v1';
const LABELS = { 'app.kubernetes.io/name': 'podvisor', 'app.kubernetes.io/component': 'webhook' } as const;

/** CREATE of labelled pods goes through us, and those rare updates that touch their spec (`kubectl apply` of the same file again). */
export function mutatingConfiguration(input: ConfigurationInput): WebhookConfiguration {
  const webhook = {
    ...common(MUTATE_WEBHOOK, MUTATE_PATH, input),
    rules: [rule(['CREATE', 'UPDATE'], ['pods'])],
    matchConditions: [
      { name: 'labelled-as-vm', expression: LABELLED },
      {
        name: 'spec-changes',
        expression: `request.operation == 'CREATE' || object.spec != oldObject.spec || ${changed('annotations', NETWORKS_ANNOTATION)}`,
      },
    ],
    // Others may add to the pod after us; we then verify the result once more.
    reinvocationPolicy: 'IfNeeded',
  };
  return configuration('MutatingWebhookConfiguration', webhook);
}

/** The final pod, and those updates that could turn a VM into something else. */
export function validatingConfiguration(input: ConfigurationInput): WebhookConfiguration {
  const webhook = {
    ...common(VALIDATE_WEBHOOK, VALIDATE_PATH, input),
    rules: [rule(['CREATE'], ['pods']), rule(['UPDATE'], ['pods', 'pods/ephemeralcontainers', 'pods/resize'])],
    matchConditions: [{ name: 'concerns-the-vm', expression: CONCERNS_VM }],
  };
  return configuration('ValidatingWebhookConfiguration', webhook, policyWebhook(input));
}

/** Creations and changes of policies, for what their CRD cannot check. */
function policyWebhook(input: ConfigurationInput): Readonly<Record<string, unknown>> {
  const { group, version, plural } = KINDS.policies;
  return {
    ...common(POLICY_WEBHOOK, POLICY_PATH, input),
    objectSelector: {},
    namespaceSelector: {},
    rules: [
      { apiGroups: [group], apiVersions: [version], operations: ['CREATE', 'UPDATE'], resources: [plural], scope: 'Cluster' },
    ],
  };
}

const LABELLED = `has(object.metadata.labels) && '${VM_LABEL}' in object.metadata.labels`;

const valueOf = (object: string, map: string, key: string): string =>
  `(has(${object}.metadata.${map}) && '${key}' in ${object}.metadata.${map} ? ${object}.metadata.${map}['${key}'] : '')`;
const changed = (map: string, key: string): string => `${valueOf('object', map, key)} != ${valueOf('oldObject', map, key)}`;

/**
 * Controllers update labelled pods all the time (finalizers, owner references, other labels) and must not need us for it. So of the pod's
 * own updates only those come here that touch what we guard.
 */
const CONCERNS_VM = [
  `request.operation == 'CREATE'`,
  `(has(request.subResource) && request.subResource != '')`,
  changed('labels', VM_LABEL),
  changed('annotations', GUEST_ANNOTATION),
  `object.spec.containers.map(c, has(c.image) ? c.image : '') != oldObject.spec.containers.map(c, has(c.image) ? c.image : '')`,
].join(' || ');

function configuration(kind: string, ...webhooks: readonly Readonly<Record<string, unknown>>[]): WebhookConfiguration {
  return { apiVersion: API_VERSION, kind, metadata: { name: CONFIGURATION_NAME, labels: LABELS }, webhooks };
}

/** Every field is said, defaults too: what differs from this was changed by somebody. */
function common(name: string, path: string, { target, trust }: ConfigurationInput): Readonly<Record<string, unknown>> {
  return {
    name,
    clientConfig: { ...address(target, path), caBundle: Buffer.from(trust, 'utf8').toString('base64') },
    failurePolicy: 'Fail',
    matchPolicy: 'Equivalent',
    sideEffects: 'None',
    timeoutSeconds: 2,
    admissionReviewVersions: ['v1'],
    // Any value of the label: another than "true" has to reach us to be refused.
    objectSelector: { matchExpressions: [{ key: VM_LABEL, operator: 'Exists' }] },
    namespaceSelector: {
      matchExpressions: [
        { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system', SYSTEM_NAMESPACE, AGENT_NAMESPACE] },
      ],
    },
  };
}

function address(target: Target, path: string): Readonly<Record<string, unknown>> {
  return 'url' in target ? { url: target.url + path } : { service: { ...target.service, path } };
}

function rule(operations: readonly string[], resources: readonly string[]): Readonly<Record<string, unknown>> {
  return { apiGroups: [''], apiVersions: ['v1'], operations, resources, scope: 'Namespaced' };
}
