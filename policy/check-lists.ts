import { NETWORKS_ANNOTATION, PREFIX } from '../api/names.ts';
import type { PolicySpec } from '../api/policy.ts';
import { annotationField, type Violation } from '../api/violation.ts';
import { judgeNames } from './check-fields.ts';
import type { CheckInput, PolicyCheck } from './types.ts';

/** The checks of images, networks and devices. */
export function listChecks(spec: PolicySpec): readonly PolicyCheck[] {
  const checks = [imageCheck(spec), networkCheck(spec), bindingCheck(spec), deviceCheck(spec)];
  return checks.filter((run) => run !== undefined).map((run) => ({ needsWhole: false, run }));
}

type Run = PolicyCheck['run'] | undefined;

function imageCheck({ images }: PolicySpec): Run {
  if (images === undefined) return undefined;
  const judge = judgeNames(images);
  return ({ guest, container, image: { repository, digest } }) => {
    const reason = judge(repository);
    const missing = images.requireDigest === true && digest === undefined;
    if (reason === '' && !missing) return [];
    const at = { field: `${container}.image`, value: guest.boot.image };
    const tag = "names no digest, so what boots may change under the same name; write it as 'name@sha256:…'";
    return [
      ...(reason === '' ? [] : [{ ...at, message: `${repository} ${reason}` }]),
      ...(missing ? [{ ...at, message: tag }] : []),
    ];
  };
}

const NETWORKS_FIELD = annotationField(NETWORKS_ANNOTATION);

function networkCheck({ networks }: PolicySpec): Run {
  if (networks?.allowed === undefined && networks?.forbidden === undefined) return undefined;
  const judge = judgeNames(networks);
  return ({ guest }) =>
    guest.networks.flatMap(({ name }) => {
      const reason = judge(name);
      return reason === '' ? [] : [{ field: NETWORKS_FIELD, value: name, message: `this network ${reason}` }];
    });
}

function bindingCheck({ networks }: PolicySpec): Run {
  const allowed: readonly string[] | undefined = networks?.bindings;
  if (allowed === undefined) return undefined;
  return ({ guest }) =>
    guest.networks
      .filter(({ binding }) => !allowed.includes(binding))
      .map(({ name, binding }) => ({
        field: annotationField(`${PREFIX}networks`),
        value: binding,
        message: `is the binding of network '${name}' and not allowed; allowed: ${allowed.join(', ')}`,
      }));
}

function deviceCheck({ devices }: PolicySpec): Run {
  if (devices === undefined) return undefined;
  const judge = judgeNames(devices);
  return (input) =>
    deviceNames(input).flatMap(({ name, field, value }) => {
      const reason = judge(name);
      return reason === '' ? [] : [{ field, value, message: `${name} ${reason}` } satisfies Violation];
    });
}

interface Device {
  readonly name: string;
  readonly field: string;
  readonly value: string;
}

/** Extended resources of the guest container: names with a domain that is neither Kubernetes' nor ours. */
function deviceNames({ guestContainer, container }: CheckInput): readonly Device[] {
  const { limits = {}, requests = {} } = guestContainer?.resources ?? {};
  return Object.entries({ ...requests, ...limits })
    .filter(([name]) => name.includes('/') && !name.includes('kubernetes.io/') && !name.startsWith(PREFIX))
    .map(([name, amount]) => ({ name, field: `${container}.resources.limits[${name}]`, value: String(amount) }));
}
