import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { POLICY_GROUP, POLICY_PLURAL, POLICY_VERSION } from '../../../api/policy.ts';
import { KubeError } from '../../../kube/errors.ts';
import { pathOf } from '../../../kube/paths.ts';
import type { ApiServer } from '../api-server.ts';
import { eventually, ignoreExisting } from '../webhooks/rig.ts';

const CRDS = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' };
const POLICIES = { group: POLICY_GROUP, version: POLICY_VERSION, plural: POLICY_PLURAL };

/** Path of all policies, or of one. */
export function policyPath(name?: string, subresource?: string): string {
  return pathOf(POLICIES, { ...(name === undefined ? {} : { name }), ...(subresource === undefined ? {} : { subresource }) });
}

/** Applies the committed CRD; resolves when policies are served. */
export async function applyPolicyCrd(api: ApiServer): Promise<void> {
  const text = readFileSync(new URL('../../../manifests/base/crd-virtualmachinepolicies.yaml', import.meta.url), 'utf8');
  await api.client.create(pathOf(CRDS), parse(text) as object).catch(ignoreExisting);
  await eventually(
    () =>
      api.client.get(policyPath()).then(
        () => true,
        () => false,
      ),
    Boolean,
  );
}

/** `created`, or why not. */
export async function tryCreate(
  api: ApiServer,
  path: string,
  object: object,
  query: Record<string, string> = {},
): Promise<string> {
  try {
    await api.client.create(path, object, query);
    return 'created';
  } catch (error) {
    if (error instanceof KubeError) return error.message;
    throw error;
  }
}
