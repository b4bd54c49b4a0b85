import { type Static, Type } from '@sinclair/typebox';
import { ANNOTATIONS, PLACEMENT_PREFIX } from './annotations.ts';
import { choicesOf, POLICY_FIELDS } from './policy-fields.ts';
import {
  checks,
  closed,
  DEFAULT_DOC,
  fieldRule,
  labelSelector,
  listOf,
  oneOf,
  patterns,
  POLICY_LIMITS,
  quantity,
  rule,
  text,
  whole,
} from './policy-parts.ts';

/**
 * VirtualMachinePolicy: what an administrator allows and defaults. One source for the TypeScript type, the check of policies from files and
 * from the cluster (ajv), the CRD (with its CEL rules) and the reference page. Every text and list is bounded, because the API server
 * refuses CEL rules over unbounded ones as too expensive.
 */

export const POLICY_GROUP = 'podvisor.dev';
export const POLICY_VERSION = 'v1alpha1';
export const POLICY_KIND = 'VirtualMachinePolicy';
export const POLICY_PLURAL = 'virtualmachinepolicies';

export const POLICY_MODES = ['enforce', 'warn', 'audit'] as const;
export type PolicyMode = (typeof POLICY_MODES)[number];

/** What a policy says of one GuestSpec field; which of the parts there are depends on the kind of field. */
export interface FieldRule {
  readonly allowed?: readonly string[];
  readonly forbidden?: readonly string[];
  readonly minimum?: number | string;
  readonly maximum?: number | string;
  readonly default?: number | string;
}

const Guest = Type.Unsafe<Readonly<Record<string, FieldRule>>>(
  Type.Object(Object.fromEntries(POLICY_FIELDS.map((field) => [field.name, Type.Optional(fieldRule(field))])), {
    ...closed,
    description: 'Rules for the fields of the GuestSpec.',
  }),
);

const Images = Type.Object(
  {
    allowed: Type.Optional(
      patterns(
        "Repositories a guest may boot from, registry included, without tag: `registry.example.com/vms/**`. `*` stands for anything but '/', `**` for anything.",
      ),
    ),
    forbidden: Type.Optional(patterns('Repositories a guest may not boot from.')),
    requireDigest: Type.Optional(Type.Boolean({ description: 'The image must be named by its digest (`…@sha256:…`).' })),
  },
  { ...closed, description: "The guest's boot image. A name without registry means docker.io, as for the container runtime." },
);

const Networks = Type.Object(
  {
    allowed: Type.Optional(patterns('Networks by `namespace/name`, with `*`; `pod` is the pod network.')),
    forbidden: Type.Optional(patterns('Networks a guest may not have.')),
    bindings: Type.Optional(listOf(oneOf(choicesOf('networks[].binding')), 'Bindings a network may have.')),
  },
  { ...closed, description: "The guest's networks." },
);

const Devices = Type.Object(
  {
    allowed: Type.Optional(patterns('Names of extended resources, with `*`: `nvidia.com/*`.')),
    forbidden: Type.Optional(patterns('Extended resources the guest container may not ask for; `**` is all of them.')),
  },
  { ...closed, description: "Devices the guest container asks for, by resource name; Podvisor's own are not meant." },
);

const Limits = Type.Object(
  {
    vms: Type.Optional(whole('VM pods.')),
    vcpus: Type.Optional(whole('vCPUs of all VM pods together.')),
    memory: Type.Optional(quantity('Guest RAM of all VM pods together.')),
  },
  { ...closed, minProperties: 1, description: "What one namespace may have, of pods that this policy's podSelector selects." },
);

const AnnotationRule = (description: string) =>
  Type.Object(
    {
      allowed: Type.Optional(patterns('Values a pod may have, with `*`.')),
      default: Type.Optional(text(POLICY_LIMITS.pattern, DEFAULT_DOC)),
      forced: Type.Optional(text(POLICY_LIMITS.pattern, 'Written into pods that say nothing; another value is a violation.')),
      forbidden: Type.Optional(Type.Boolean({ description: 'The annotation may not be set.' })),
    },
    {
      ...closed,
      description,
      ...checks(
        rule(
          '!(has(self.forbidden) && self.forbidden) || !(has(self.forced) || has(self.default) || has(self.allowed))',
          'forbidden goes with nothing else',
        ),
        rule('!has(self.forced) || !has(self.default)', 'forced is a default already; remove default'),
      ),
    },
  );
export type AnnotationRule = Static<ReturnType<typeof AnnotationRule>>;

const dimensions = ANNOTATIONS.filter(({ name }) => name.startsWith(PLACEMENT_PREFIX));
const Placement = Type.Unsafe<Readonly<Record<string, AnnotationRule>>>(
  Type.Object(
    Object.fromEntries(
      dimensions.map(({ name }) => [
        name.slice(PLACEMENT_PREFIX.length),
        Type.Optional(AnnotationRule(`Annotation \`${name}\`.`)),
      ]),
    ),
    { ...closed, description: 'Dimensions of placement.' },
  ),
);

const Rule = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$', maxLength: 63, description: 'For messages.' }),
    expression: text(POLICY_LIMITS.expression, 'CEL over `pod`, `guest` and `namespaceObject`; false is a violation.'),
    message: Type.Optional(text(POLICY_LIMITS.message, 'What to tell the user.')),
    messageExpression: Type.Optional(text(POLICY_LIMITS.expression, 'CEL that makes the message; `message` when it fails.')),
  },
  closed,
);
export type PolicyRule = Static<typeof Rule>;

const Exemption = Type.Object(
  {
    reason: text(POLICY_LIMITS.message, 'Why, for whoever reads the policy later.'),
    namespaceSelector: Type.Optional(labelSelector('Namespaces it is for.')),
    podSelector: Type.Optional(labelSelector('Pods it is for.')),
    users: Type.Optional(listOf(text(253), 'Names of users who create the pod (of a Deployment: a controller).', 16)),
    groups: Type.Optional(listOf(text(253), 'Their groups.', 16)),
    until: Type.Optional(
      Type.String({ pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$', maxLength: 10, description: 'Last day (UTC), `2026-12-31`.' }),
    ),
  },
  {
    ...closed,
    description: 'Holds where every part that is there holds; users and groups together are one part.',
    ...checks(
      rule(
        'has(self.namespaceSelector) || has(self.podSelector) || has(self.users) || has(self.groups)',
        'an exemption for everybody: name a selector, users or groups, or delete the policy',
      ),
    ),
  },
);
export type Exemption = Static<typeof Exemption>;

/** Schema of `spec`. */
export const PolicySpec = Type.Object(
  {
    mode: Type.Optional(
      Type.Unsafe<PolicyMode>({
        type: 'string',
        enum: [...POLICY_MODES],
        default: 'enforce',
        description:
          '`enforce` refuses, `warn` warns at kubectl, `audit` only counts and tells the audit log, and has no defaults.',
      }),
    ),
    priority: Type.Optional(
      Type.Integer({
        minimum: -1_000_000,
        maximum: 1_000_000,
        default: 0,
        description:
          'Of several defaults for one field that of the highest priority is taken. Checks know no priority: all hold.',
      }),
    ),
    message: Type.Optional(text(POLICY_LIMITS.message, 'Added to every refusal: whom to ask.')),
    namespaceSelector: Type.Optional(labelSelector('Namespaces the policy is for; without, all.')),
    podSelector: Type.Optional(labelSelector('VM pods the policy is for; without, all.')),
    guest: Type.Optional(Guest),
    images: Type.Optional(Images),
    networks: Type.Optional(Networks),
    devices: Type.Optional(Devices),
    limits: Type.Optional(Limits),
    placement: Type.Optional(Placement),
    migration: Type.Optional(AnnotationRule('Annotation `podvisor.dev/migration`.')),
    rules: Type.Optional(Type.Array(Rule, { maxItems: POLICY_LIMITS.rules, description: 'Free rules in CEL.' })),
    exemptions: Type.Optional(
      Type.Array(Exemption, { maxItems: POLICY_LIMITS.exemptions, description: 'Whom the policy does not concern.' }),
    ),
  },
  closed,
);
export type PolicySpec = Static<typeof PolicySpec>;

const Status = Type.Object(
  {
    observedGeneration: Type.Optional(Type.Integer({ description: 'Generation of the policy that was audited.' })),
    matching: Type.Optional(Type.Integer({ description: 'VM pods the policy is for.' })),
    violating: Type.Optional(Type.Integer({ description: 'Of these, pods that the policy would refuse now.' })),
    violations: Type.Optional(
      Type.Array(
        Type.Object({ namespace: Type.String(), name: Type.String(), message: Type.String({ maxLength: 1024 }) }, closed),
        { maxItems: 20, description: 'Some of the violating pods.' },
      ),
    ),
    conditions: Type.Optional(
      Type.Array(
        Type.Object(
          {
            type: Type.String({ maxLength: 316 }),
            status: oneOf(['True', 'False', 'Unknown']),
            reason: Type.String({ maxLength: 1024 }),
            message: Type.String({ maxLength: 32768 }),
            lastTransitionTime: Type.String({ format: 'date-time' }),
            observedGeneration: Type.Optional(Type.Integer()),
          },
          closed,
        ),
        { maxItems: 8, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] },
      ),
    ),
  },
  closed,
);
/** What the controllers found out about a policy. */
export type PolicyStatus = Static<typeof Status>;
/** Schema of `status`. */
export const PolicyStatus = Status;

/** A policy as the API server and files have it. */
export interface Policy {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly generation?: number;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec: PolicySpec;
  readonly status?: PolicyStatus;
}
