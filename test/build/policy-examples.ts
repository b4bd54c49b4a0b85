import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { PodFields } from './pod.ts';
import type { Container } from '../../api/pod.ts';

/** What a test says of the pod; its name and namespace are the test's. */
type VmFields = Omit<PodFields, 'name' | 'namespace'> & { readonly guest?: Partial<Container> };

/** One policy of docs/policies.md: a namespace it is for, a pod it lets pass and one it refuses. */
export interface PolicyExample {
  /** In examples/policies/. */
  readonly file: string;
  /** Labels of the namespace. */
  readonly labels: Readonly<Record<string, string>>;
  readonly good: VmFields;
  readonly bad: VmFields;
  /** Part of the refusal. */
  readonly says: string;
  /** Part of the GuestSpec of the good pod. */
  readonly guest?: object;
}

const DIGEST = `sha256:${'0'.repeat(64)}`;
const sized = (limits: Readonly<Record<string, string>>): VmFields => ({ guest: { resources: { limits } } });

export const POLICY_EXAMPLES: readonly PolicyExample[] = [
  {
    file: '01-small-vms.yaml',
    labels: { stage: 'lab' },
    good: sized({}),
    guest: { vcpus: 1, memoryBytes: 512 * 2 ** 20 },
    bad: sized({ cpu: '8', memory: '16Gi' }),
    says: `limits.memory: "16Gi": is 16Gi; allowed: at least 64Mi, at most 8Gi (policy 'small-vms': ask lab@example.com for a larger one)`,
  },
  {
    file: '02-kvm-only.yaml',
    labels: { stage: 'production' },
    good: {},
    guest: { accelerator: 'kvm' },
    bad: { annotations: { 'podvisor.dev/accelerator': 'tcg' } },
    says: `metadata.annotations[podvisor.dev/accelerator]: "tcg": is not allowed; allowed: kvm`,
  },
  {
    file: '03-trusted-images.yaml',
    labels: { images: 'trusted' },
    good: { guest: { image: `registry.example.com/vms/debian/13@${DIGEST}` } },
    bad: { guest: { image: 'registry.example.com/vms/experimental/debian:13' } },
    says: 'names no digest',
  },
  {
    file: '04-movable-cpus.yaml',
    labels: { mobility: 'required' },
    good: {},
    guest: { cpu: { model: 'Skylake-Server' } },
    bad: { annotations: { 'podvisor.dev/cpu-features': '+vmx' } },
    says: '+vmx is not allowed; forbidden: vmx, svm',
  },
  {
    file: '05-networks.yaml',
    labels: { tenant: 'acme' },
    good: {},
    bad: { annotations: { 'podvisor.dev/networks': 'pod=bridge' } },
    says: `"bridge": is the binding of network 'pod' and not allowed; allowed: masquerade, macvtap`,
  },
  {
    file: '06-namespace-limits.yaml',
    labels: { size: 'small' },
    good: {},
    bad: sized({ cpu: '9', memory: '128Mi' }),
    says: 'of vCPUs, this pod needs 9; allowed in the namespace: 8',
  },
  {
    file: '07-devices.yaml',
    labels: { purpose: 'ml' },
    good: sized({ memory: '128Mi', 'nvidia.com/gpu': '1' }),
    bad: sized({ memory: '128Mi', 'example.com/fpga': '1' }),
    says: 'example.com/fpga is not allowed; allowed: nvidia.com/*, amd.com/gpu',
  },
  {
    file: '08-owner.yaml',
    labels: { billing: 'true' },
    good: { labels: { owner: 'db.example.com' }, ...sized({ cpu: '2', memory: '128Mi' }) },
    bad: {},
    says: `rule 'owner': label the pod owner: TEAM.example.com; namespace`,
  },
  {
    file: '09-shutdown.yaml',
    labels: { purpose: 'databases' },
    good: { labels: { app: 'db-legacy' } },
    bad: { labels: { app: 'db' } },
    says: 'spec.terminationGracePeriodSeconds: "30": is 30; allowed: at least 60',
  },
  {
    file: '10-secure-boot.yaml',
    labels: { compliance: 'regulated' },
    good: sized({ memory: '512Mi' }),
    guest: { firmware: 'uefi-secure', tpm: 'ephemeral' },
    bad: { annotations: { 'podvisor.dev/firmware': 'bios', 'podvisor.dev/tpm': 'none' } },
    says: `"bios": is not allowed; allowed: uefi-secure (policy 'secure-boot': exceptions are granted by security@example.com)`,
  },
];

/** The policy of an example as its file has it. */
export function examplePolicy({ file }: PolicyExample): object {
  return parse(readFileSync(new URL(`../../examples/policies/${file}`, import.meta.url), 'utf8')) as object;
}
