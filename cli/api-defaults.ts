import type { Container, Pod } from '../api/pod.ts';

/** What the API server fills in before admission sees a pod and admission reads: requests from limits (kubernetes pkg/apis/core/v1/defaults.go). */
export function withApiDefaults(pod: Pod): Pod {
  return { ...pod, spec: { ...pod.spec, containers: pod.spec.containers.map(withRequests) } };
}

function withRequests(container: Container): Container {
  const { resources } = container;
  if (resources?.limits === undefined) return container;
  return { ...container, resources: { ...resources, requests: { ...resources.limits, ...resources.requests } } };
}
