import { NODE_REPORT_LIMITS, type NodeReportStatus } from '../../api/node-report.ts';
import { PCI_FUNCTION } from '../../guest/pci.ts';
import type { KubeletFacts } from './kubelet-facts.ts';
import { type PhysicalNetwork, physicalNetworkOf } from './physical-networks.ts';
import { type Tree, wholeNumber } from './tree.ts';

type PhysicalFunction = NodeReportStatus['functions'][number];

/** What sysfs cannot say of functions. */
export interface FunctionContext {
  readonly nodeName: string;
  readonly networks: readonly PhysicalNetwork[];
  readonly kubelet: Pick<KubeletFacts, 'resourceOf' | 'devicesInUse'>;
}

const DEVICES = 'bus/pci/devices';

/**
 * SR-IOV physical functions and their virtual ones, by /sys/bus/pci (Documentation/ABI/testing/sysfs-bus-pci): those with functions first,
 * by address. A function whose virtual functions belong to several resources is there once for each.
 */
export function readPhysicalFunctions(sys: Tree, context: FunctionContext): PhysicalFunction[] {
  const addresses = sys.names(DEVICES).filter((name) => PCI_FUNCTION.test(name));
  const capable = addresses.filter((address) => (wholeNumber(sys.text(`${DEVICES}/${address}/sriov_totalvfs`)) ?? 0) > 0);
  const found = capable.flatMap((address) => partsOf(sys, address, context));
  const used = found.filter(({ vfs }) => vfs.total > 0);
  const idle = found.filter(({ vfs }) => vfs.total === 0);
  return [...used, ...idle].slice(0, NODE_REPORT_LIMITS.functions);
}

/** Physical function of a virtual one; undefined = it is none. */
export function physicalFunctionOf(sys: Tree, address: string): string | undefined {
  const name = PCI_FUNCTION.test(address) ? sys.target(`${DEVICES}/${address}/physfn`) : '';
  return PCI_FUNCTION.test(name) ? name : undefined;
}

function partsOf(sys: Tree, address: string, context: FunctionContext): PhysicalFunction[] {
  const { kubelet } = context;
  const common = commonFacts(sys, address, context);
  const virtual = virtualFunctions(sys, address);
  const resources = [...new Set(virtual.map((vf) => kubelet.resourceOf(vf)))];
  if (resources.length === 0) resources.push(undefined);
  return resources.map((resource) => {
    const own = virtual.filter((vf) => kubelet.resourceOf(vf) === resource);
    const free = own.filter((vf) => !kubelet.devicesInUse.has(vf));
    return { ...common, ...(resource === undefined ? {} : { resource }), vfs: { total: own.length, free: free.length } };
  });
}

function virtualFunctions(sys: Tree, address: string): readonly string[] {
  const directory = `${DEVICES}/${address}`;
  const links = sys.names(directory).filter((name) => /^virtfn\d+$/.test(name));
  return links.map((link) => sys.target(`${directory}/${link}`)).filter((name) => PCI_FUNCTION.test(name));
}

function commonFacts(sys: Tree, address: string, { nodeName, networks }: FunctionContext): Omit<PhysicalFunction, 'vfs'> {
  const directory = `${DEVICES}/${address}`;
  const [name] = sys.names(`${directory}/net`);
  // -1 = the firmware names none.
  const zone = wholeNumber(sys.text(`${directory}/numa_node`));
  const driver = sys.target(`${directory}/driver`).slice(0, 63);
  const physicalNetwork = physicalNetworkOf(networks, nodeName, [name, address]);
  return {
    address,
    ...(name === undefined ? {} : { interface: name.slice(0, 15) }),
    ...(zone === undefined ? {} : { zone }),
    ...(driver === '' ? {} : { driver }),
    ...(physicalNetwork === undefined ? {} : { physicalNetwork }),
    linkUp: name === undefined || hasLink(sys, `${directory}/net/${name}`),
  };
}

/** An interface that is down has no readable carrier (EINVAL), but `operstate` says so. */
function hasLink(sys: Tree, directory: string): boolean {
  const carrier = sys.text(`${directory}/carrier`);
  if (carrier !== '') return carrier === '1';
  return !['down', 'lowerlayerdown', 'notpresent'].includes(sys.text(`${directory}/operstate`));
}
