/**
 * A fake of the SR-IOV device plugin, for tests: `sriov-device-plugin.ts RESOURCE ADDRESS…` advertises virtual functions that do not exist to the
 * kubelet of the node it runs on. What it tells kubelet and Multus has the form of the real one's (sriov-network-device-plugin docs;
 * device-info specification 1.1.0): environment PCIDEVICE_…, and a device-info file for each function. It hands out no device node.
 * Ends when its stdin does.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { credentials, Server, ServerCredentials } from '@grpc/grpc-js';
import { DevicePluginService, RegistrationClient } from '../../agent/proto/gen/deviceplugin.ts';
import type { DevicePluginServer } from '../../agent/proto/gen/deviceplugin.ts';

const PLUGINS = '/var/lib/kubelet/device-plugins';
const DEVICE_INFO = '/var/run/k8s.cni.cncf.io/devinfo/dp';
const [, , resource = '', ...addresses] = process.argv;
const endpoint = `fake-${resource.replaceAll('/', '-')}.sock`;
const infoFile = (address: string): string => join(DEVICE_INFO, `${resource.replaceAll('/', '-')}-${address}-device.json`);

function writeDeviceInfo(): void {
  mkdirSync(DEVICE_INFO, { recursive: true });
  for (const address of addresses) {
    const info = { type: 'pci', version: '1.1.0', pci: { 'pci-address': address } };
    writeFileSync(infoFile(address), JSON.stringify(info));
  }
}

const plugin: DevicePluginServer = {
  getDevicePluginOptions: (_call, answer) => answer(null, { preStartRequired: false, getPreferredAllocationAvailable: false }),
  getPreferredAllocation: (_call, answer) => answer(null, {}),
  preStartContainer: (_call, answer) => answer(null, {}),
  listAndWatch: (call) => void call.write({ devices: addresses.map((ID) => ({ ID, health: 'Healthy' })) }),
  allocate: (call, answer) => {
    const name = `PCIDEVICE_${resource.toUpperCase().replaceAll('.', '_').replaceAll('/', '_')}`;
    const containerResponses = call.request.containerRequests.map(({ devicesIds }) => ({ envs: { [name]: devicesIds.join(',') }, mounts: [], devices: [] }));
    answer(null, { containerResponses });
  },
}; // prettier-ignore

function fail(error: Error): never {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

writeDeviceInfo();
rmSync(join(PLUGINS, endpoint), { force: true });
const server = new Server();
server.addService(DevicePluginService, plugin);
server.bindAsync(`unix:${join(PLUGINS, endpoint)}`, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) fail(error);
  const kubelet = new RegistrationClient(`unix:${join(PLUGINS, 'kubelet.sock')}`, credentials.createInsecure());
  kubelet.register({ version: 'v1beta1', endpoint, resourceName: resource, options: undefined }, (refusal) => {
    if (refusal !== null) fail(refusal);
    process.stdout.write('registered\n');
  });
});
process.stdin.resume().on('end', () => {
  server.forceShutdown();
  for (const address of addresses) rmSync(infoFile(address), { force: true });
  process.exit(0);
});
