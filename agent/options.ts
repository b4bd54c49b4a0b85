import {
  booleanOption,
  choiceOption,
  defineOptions,
  durationOption,
  integerOption,
  type Option,
  type OptionValues,
  textOption,
} from '../runtime/config.ts';
import { LOG_LEVELS } from '../runtime/log.ts';
import { parsePhysicalNetworks, type PhysicalNetwork } from './report/physical-networks.ts';

const PHYSICAL_NETWORKS: Option<readonly PhysicalNetwork[]> = {
  fallback: [],
  fallbackText: '',
  doc: 'Networks that SR-IOV physical functions are plugged into, on all nodes or one.',
  allowed: 'NETWORK=[NODE/]INTERFACE or NETWORK=[NODE/]PCI-ADDRESS, comma-separated',
  isSwitch: false,
  parse: parsePhysicalNetworks,
};

/** Options of the node agent. */
export const AGENT_OPTIONS = defineOptions({
  program: 'podvisor-agent',
  summary: "Runs the virtual machines' side of one node: devices for the kubelet, networks, QEMU's arguments, conditions.",
  options: {
    nodeName: textOption({ doc: 'Name of the node this agent is on (downward API: spec.nodeName).' }),
    stateDir: textOption({ default: '/var/lib/podvisor', doc: "The agent's directory; must be the same path on the node." }),
    kubeletDir: textOption({ default: '/var/lib/kubelet', doc: "The kubelet's directory." }),
    cgroupRoot: textOption({ default: '/host/sys/fs/cgroup', doc: "The node's /sys/fs/cgroup." }),
    sysfs: textOption({ default: '/host/sysfs', doc: "The node's /sys, of its own network namespace." }),
    physicalNetworks: PHYSICAL_NETWORKS,
    slots: integerOption({ default: 110, min: 1, max: 1000, doc: 'Virtual machines of each kind (KVM, TCG) the node offers.' }),
    kvm: booleanOption({ default: true, doc: 'Offer podvisor.dev/kvm if the self-test passes.' }),
    kvmSelfTest: textOption({ default: '/usr/bin/kvm-selftest', doc: 'Program that proves KVM usable.' }),
    kvmSelfTestTimeout: durationOption({ default: '10s', doc: 'Limit of the self-test.' }),
    clusterDns: textOption({ default: '', doc: "DNS servers of the cluster (IPv4, comma-separated); default: the agent's own." }),
    clusterDomain: textOption({ default: '', doc: "Domain of the cluster; default: from the agent's own search list." }),
    healthPort: integerOption({ default: 8081, min: 0, max: 65_535, doc: 'Port of /healthz, /readyz, /metrics, /version.' }),
    kubeconfig: textOption({ default: '', doc: 'A kubeconfig file; default: the service account of the pod.' }),
    logLevel: choiceOption(LOG_LEVELS, { default: 'info', doc: 'What is logged.' }),
  },
});

/** The values of {@link AGENT_OPTIONS}. */
export type AgentOptions = OptionValues<typeof AGENT_OPTIONS.options>;
