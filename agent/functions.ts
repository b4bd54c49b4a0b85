import type { GuestNetwork } from '../api/guest-spec.ts';
import { PCI_FUNCTION } from '../guest/pci.ts';

/** Multus' report of what it attached (NPWG multi-net specification, section 5.1); the older name is read too. */
const STATUS_ANNOTATIONS = ['k8s.v1.cni.cncf.io/network-status', 'k8s.v1.cni.cncf.io/networks-status'];

interface Status {
  readonly name?: unknown;
  readonly interface?: unknown;
  readonly default?: unknown;
  readonly 'device-info'?: { readonly type?: unknown; readonly pci?: { readonly 'pci-address'?: unknown } };
}

/**
 * PCI addresses of the virtual functions of a guest's networks, by interface, from the pod's annotations: `device-info` of the network status
 * (device-info specification 1.1.0). A network whose report is not there yet is left out. Nothing in an annotation is trusted: the
 * address only ever reaches this pod's own QEMU, which can open no device that the kubelet did not give to it.
 */
export function functionAddresses(
  annotations: Readonly<Record<string, string>>,
  networks: readonly GuestNetwork[],
): Readonly<Record<string, string>> {
  const reports = readStatus(STATUS_ANNOTATIONS.map((name) => annotations[name] ?? '').find((text) => text !== '') ?? '');
  const wanted = networks.filter(({ binding }) => binding === 'sriov');
  const found = wanted.flatMap((network): [string, string][] => {
    const report = reports.find((one) => isOf(one, network));
    const address = report?.['device-info']?.pci?.['pci-address'];
    return typeof address === 'string' && PCI_FUNCTION.test(address) ? [[network.interface, address]] : [];
  });
  return Object.fromEntries(found);
}

function isOf(report: Status, { name, interface: interfaceName }: GuestNetwork): boolean {
  return name === 'pod' ? report.default === true : report.interface === interfaceName;
}

function readStatus(text: string): readonly Status[] {
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? parsed.filter((one): one is Status => typeof one === 'object' && one !== null) : [];
  } catch {
    return [];
  }
}

/** The first network whose virtual function is not known yet; undefined = none. */
export function missingFunction(
  networks: readonly GuestNetwork[],
  functions: Readonly<Record<string, string>> = {},
): GuestNetwork | undefined {
  return networks.find(({ binding, interface: name }) => binding === 'sriov' && functions[name] === undefined);
}
