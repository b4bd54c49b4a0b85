import { AGENT_NAMESPACE, DEVICE_RESOURCE, SCHEDULER_NAME, SYSTEM_NAMESPACE } from '../../../api/names.ts';
import { EXTENDER_OPTIONS } from '../../../scheduler-plugin/options.ts';
import { EXTENDER_PATH } from '../../../scheduler-plugin/server.ts';
import { baseFile, baseManifests, nameOf } from './read.ts';
import type { Manifest } from './read.ts';

interface Container {
  readonly name: string;
  readonly image: string;
  readonly imagePullPolicy?: string;
  readonly resources?: { readonly requests?: Record<string, string> };
  readonly readinessProbe?: object;
  readonly livenessProbe?: object;
  readonly securityContext?: object;
}
interface PodTemplate {
  readonly metadata: { readonly labels: Record<string, string> };
  readonly spec: {
    readonly priorityClassName?: string;
    readonly hostNetwork?: boolean;
    readonly enableServiceLinks?: boolean;
    readonly securityContext?: object;
    readonly initContainers?: readonly Container[];
    readonly containers: readonly Container[];
  };
}

const manifests = baseManifests();
const templateOf = (manifest: Manifest): PodTemplate | undefined =>
  (manifest.spec as { template?: PodTemplate } | undefined)?.template;
const workloads = manifests.flatMap((manifest) => {
  const template = templateOf(manifest);
  return template === undefined ? [] : [{ manifest, template, title: nameOf(manifest) }];
});
const containers = workloads.flatMap(({ title, template, manifest }) =>
  [...(template.spec.initContainers ?? []), ...template.spec.containers].map((container) => ({
    title: `${title} ${container.name}`,
    container,
    manifest,
  })),
);

describe('every workload', () => {
  it.each(workloads)('$title: its selector finds its own pods and it has our priority', ({ manifest, template }) => {
    const { selector } = manifest.spec as { selector: { matchLabels: object } };
    expect(template.metadata.labels).toMatchObject(selector.matchLabels);
    expect(template.spec.priorityClassName).toBe('podvisor-critical');
    expect(template.spec.hostNetwork).toBeUndefined();
    // Service links would set PODVISOR_WEBHOOK_PORT=tcp://…, and PODVISOR_* are our options.
    expect(template.spec.enableServiceLinks).toBe(false);
  });

  it.each(containers)('$title: requests, probes, a pinned image, a read-only root', ({ container }) => {
    expect(Object.keys(container.resources?.requests ?? {}).sort()).toEqual(['cpu', 'memory']);
    expect(container).toMatchObject({ readinessProbe: {}, livenessProbe: {}, imagePullPolicy: 'IfNotPresent' });
    expect(container.image).toMatch(/:v?\d+\.\d+\.\d+$/);
    expect(container.securityContext).toMatchObject({ readOnlyRootFilesystem: true });
  });
});

describe('only the agent is privileged', () => {
  it.each(containers.filter(({ manifest }) => manifest.metadata.namespace === SYSTEM_NAMESPACE))(
    '$title is not',
    ({ container }) => {
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    },
  );

  it('and it is alone in its namespace', () => {
    const there = workloads.filter(({ manifest }) => manifest.metadata.namespace === AGENT_NAMESPACE);
    expect(there.map(({ title }) => title)).toEqual(['DaemonSet podvisor-agent/podvisor-agent']);
  });

  it.each([
    [SYSTEM_NAMESPACE, 'restricted'],
    [AGENT_NAMESPACE, 'privileged'],
  ])('namespace %s enforces %s', (name, level) => {
    const namespace = manifests.find((manifest) => manifest.kind === 'Namespace' && manifest.metadata.name === name);
    expect(namespace?.metadata.labels?.['pod-security.kubernetes.io/enforce']).toBe(level);
  });
});

describe('the scheduler configuration', () => {
  interface SchedulerConfig {
    readonly profiles: readonly { readonly schedulerName: string }[];
    readonly extenders: readonly {
      readonly urlPrefix: string;
      readonly tlsConfig: Record<string, string>;
      readonly managedResources: readonly { readonly name: string }[];
    }[];
  }
  const config = baseFile('scheduler-config.yaml') as SchedulerConfig;
  const { host, port, certificateDir } = EXTENDER_OPTIONS.options;

  it('is for our scheduler name', () => {
    expect(config.profiles).toEqual([{ schedulerName: SCHEDULER_NAME }]);
  });

  it('dials what the extender serves by default, with the certificates it writes', () => {
    const [extender] = config.extenders;
    expect(extender?.urlPrefix).toBe(`https://${host.fallback}:${port.fallback}${EXTENDER_PATH}`);
    expect(Object.values(extender?.tlsConfig ?? {})).toEqual(
      ['ca.crt', 'client.crt', 'client.key'].map((file) => `${certificateDir.fallback}/${file}`),
    );
  });

  it('sends the extender VM pods only', () => {
    expect(config.extenders[0]?.managedResources.map(({ name }) => name)).toEqual(Object.values(DEVICE_RESOURCE));
  });
});
