/**
 * A fake of a driver for dynamic resource allocation, for tests: `dra-driver.ts DRIVER POOL DEVICE [CDI-ID…]` registers with the kubelet of the
 * node it runs on, as drivers do (pluginregistration v1, dra v1), and prepares every claim as that one device, which does not exist. Its
 * ResourceSlice, DeviceClass and CDI specification are the test's to write. Ends when its stdin does.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { DRAPluginService, type DRAPluginServer } from './proto/gen/dra.ts';
import { RegistrationService, type RegistrationServer } from './proto/gen/pluginregistration.ts';

const [, , driver = '', poolName = '', deviceName = '', ...cdiDeviceIds] = process.argv;
const endpoint = `/var/lib/kubelet/plugins/${driver}/dra.sock`;
/** The kubelet watches this directory, and calls whoever listens there. */
const registration = `/var/lib/kubelet/plugins_registry/${driver}-reg.sock`;

const plugin: DRAPluginServer = {
  nodePrepareResources: (call, answer) => {
    const device = { requestNames: [], poolName, deviceName, cdiDeviceIds };
    answer(null, { claims: Object.fromEntries(call.request.claims.map(({ uid }) => [uid, { devices: [device], error: '' }])) });
  },
  nodeUnprepareResources: (call, answer) =>
    answer(null, { claims: Object.fromEntries(call.request.claims.map(({ uid }) => [uid, { error: '' }])) }),
};

const registrar: RegistrationServer = {
  getInfo: (_call, answer) => answer(null, { type: 'DRAPlugin', name: driver, endpoint, supportedVersions: ['v1.DRAPlugin'] }),
  notifyRegistrationStatus: (call, answer) => {
    answer(null, {});
    if (!call.request.pluginRegistered) fail(new Error(`the kubelet refused the driver: ${call.request.error}`));
    process.stdout.write('registered\n');
  },
};

function fail(error: Error): never {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

function listen(server: Server, socket: string): Promise<void> {
  mkdirSync(dirname(socket), { recursive: true });
  rmSync(socket, { force: true });
  return new Promise((resolve) => {
    server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) => (error === null ? resolve() : fail(error)));
  });
}

const [serving, registering] = [new Server(), new Server()];
serving.addService(DRAPluginService, plugin);
registering.addService(RegistrationService, registrar);
await listen(serving, endpoint);
await listen(registering, registration);
process.stdin.resume().on('end', () => {
  for (const server of [registering, serving]) server.forceShutdown();
  for (const socket of [registration, endpoint]) rmSync(socket, { force: true });
  process.exit(0);
});
