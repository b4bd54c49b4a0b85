import { chmodSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { RunProgram } from './run-program.ts';
import type { Accelerator } from '../api/guest-spec.ts';

/** A device the agent hands into VM pods. Numbers are the kernel's (Documentation/admin-guide/devices.txt, all misc devices). */
interface Node {
  readonly name: string;
  readonly container: string;
  readonly minor: number;
}

const MISC_MAJOR = 10;
const TUN: Node = { name: 'tun', container: '/dev/net/tun', minor: 200 };
const KVM: Node = { name: 'kvm', container: '/dev/kvm', minor: 232 };
const VHOST_NET: Node = { name: 'vhost-net', container: '/dev/vhost-net', minor: 238 };

/** A device node for Allocate. */
export interface HandedDevice {
  readonly containerPath: string;
  readonly hostPath: string;
}

/** The agent's own device nodes, mode 0666: the host's are closed to a QEMU that is not root, and the runtime copies the mode. */
export interface DeviceNodes {
  /** Makes what is missing; needed before anything else. */
  prepare(): Promise<void>;
  devicesFor(accelerator: Accelerator): HandedDevice[];
  hasVhostNet(): boolean;
}

/** Device nodes in `directory`; `hostDev` is where this container shows the host's devices (/dev when privileged). */
export function createDeviceNodes(directory: string, run: RunProgram, hostDev = '/dev'): DeviceNodes {
  const hasVhostNet = (): boolean => existsSync(join(hostDev, VHOST_NET.name));
  const make = async ({ name, minor }: Node): Promise<void> => {
    const path = join(directory, name);
    if (statSync(path, { throwIfNoEntry: false })?.isCharacterDevice() !== true) {
      await run({ file: 'mknod', args: ['--', path, 'c', String(MISC_MAJOR), String(minor)] });
    }
    chmodSync(path, 0o666);
  };
  return {
    hasVhostNet,
    prepare: async () => {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      for (const node of [TUN, KVM, VHOST_NET]) await make(node);
    },
    devicesFor: (accelerator) => {
      const nodes = [TUN, ...(accelerator === 'kvm' ? [KVM] : []), ...(hasVhostNet() ? [VHOST_NET] : [])];
      return nodes.map(({ name, container }) => ({ containerPath: container, hostPath: join(directory, name) }));
    },
  };
}
