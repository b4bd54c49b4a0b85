import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { credentials, Server, ServerCredentials } from '@grpc/grpc-js';
import {
  type AllocateResponse,
  type Device,
  DevicePluginClient,
  RegistrationService,
  type RegisterRequest,
} from '../../../agent/proto/gen/deviceplugin.ts';
import { type PodResources, PodResourcesListerService } from '../../../agent/proto/gen/podresources.ts';

/** The kubelet's two sockets that the agent talks to, in a directory of the test's. */
export interface FakeKubelet {
  readonly directory: string;
  readonly registered: RegisterRequest[];
  pods: PodResources[];
  start(): Promise<void>;
  stop(): void;
  devices(endpoint: string): Promise<Device[]>;
  allocate(endpoint: string, id: string): Promise<AllocateResponse>;
}

export function fakeKubelet(directory: string): FakeKubelet {
  const plugins = join(directory, 'device-plugins');
  const resources = join(directory, 'pod-resources');
  mkdirSync(plugins, { recursive: true });
  mkdirSync(resources, { recursive: true });
  let servers: Server[] = [];
  const client = (endpoint: string) => new DevicePluginClient(`unix:${join(plugins, endpoint)}`, credentials.createInsecure());
  const kubelet: FakeKubelet = {
    directory,
    registered: [],
    pods: [],
    start: async () => {
      // As the real one: it empties the directory, then makes its socket.
      rmSync(plugins, { recursive: true });
      mkdirSync(plugins);
      const registration = new Server();
      registration.addService(RegistrationService, {
        register: (call: { request: RegisterRequest }, answer: (error: null, value: object) => void) => {
          kubelet.registered.push(call.request);
          answer(null, {});
        },
      });
      const lister = new Server();
      lister.addService(PodResourcesListerService, {
        list: (_call: unknown, answer: (error: null, value: object) => void) => answer(null, { podResources: kubelet.pods }),
      });
      await listen(registration, join(plugins, 'kubelet.sock'));
      await listen(lister, join(resources, 'kubelet.sock'));
      servers = [registration, lister];
    },
    stop: () => {
      for (const server of servers) server.forceShutdown();
    },
    devices: (endpoint) =>
      new Promise((resolve, reject) => {
        const plugin = client(endpoint);
        const stream = plugin.listAndWatch({});
        stream.on('data', (answer: { devices: Device[] }) => {
          stream.cancel();
          plugin.close();
          resolve(answer.devices);
        });
        stream.on('error', reject);
      }),
    allocate: (endpoint, id) =>
      new Promise((resolve, reject) => {
        const plugin = client(endpoint);
        plugin.allocate({ containerRequests: [{ devicesIds: [id] }] }, (error, answer) => {
          plugin.close();
          if (error === null) resolve(answer);
          else reject(error);
        });
      }),
  };
  return kubelet;
}

function listen(server: Server, path: string): Promise<void> {
  rmSync(path, { force: true });
  return new Promise((resolve, reject) => {
    server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) => (error === null ? resolve() : reject(error)));
  });
}
