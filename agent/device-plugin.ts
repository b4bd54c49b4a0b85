import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { credentials, Metadata, Server, ServerCredentials, status } from '@grpc/grpc-js';
import type { Accelerator } from '../api/guest-spec.ts';
import { DEVICE_RESOURCE, SLOT_PATH } from '../api/names.ts';
import { messageOf } from '../runtime/errors.ts';
import type { HandedDevice } from './device-nodes.ts';
import {
  type AllocateRequest,
  type AllocateResponse,
  type ContainerAllocateResponse,
  type DevicePluginServer,
  DevicePluginService,
  RegistrationClient,
} from './proto/gen/deviceplugin.ts';

/** What a plugin hands out. */
export interface Allocation {
  /** Slot directory on the node. */
  readonly directory: string;
  readonly devices: readonly HandedDevice[];
}

/** Options of {@link startDevicePlugin}. */
export interface DevicePluginOptions {
  /** The kubelet's device-plugins directory. */
  readonly directory: string;
  readonly accelerator: Accelerator;
  /** How many VMs of this kind the node may hold. */
  readonly slots: number;
  /** Makes a slot ready for a new container. A throw refuses the pod with its message. */
  readonly allocate: (slot: string) => Promise<Allocation>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** A plugin the kubelet knows. */
export interface DevicePlugin {
  close(): void;
}

/** Device plugin API version (k8s.io/kubelet deviceplugin/v1beta1 constants.go). */
const VERSION = 'v1beta1';
const REGISTER_DEADLINE_MS = 5000;
/** The kubelet's own socket in its device-plugins directory. */
export const KUBELET_SOCKET = 'kubelet.sock';

/** Serves one resource and registers it. Throws when the kubelet cannot be reached or refuses. */
export async function startDevicePlugin(options: DevicePluginOptions): Promise<DevicePlugin> {
  const endpoint = `podvisor-${options.accelerator}.sock`;
  const socket = join(options.directory, endpoint);
  rmSync(socket, { force: true });
  const server = new Server();
  server.addService(DevicePluginService, implementation(options));
  await listen(server, socket);
  try {
    await register(options, endpoint);
  } catch (error) {
    server.forceShutdown();
    throw error;
  }
  return { close: () => server.forceShutdown() };
}

function listen(server: Server, socket: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    );
  });
}

function register({ directory, accelerator, now }: DevicePluginOptions, endpoint: string): Promise<void> {
  const client = new RegistrationClient(`unix:${join(directory, KUBELET_SOCKET)}`, credentials.createInsecure());
  const request = { version: VERSION, endpoint, resourceName: DEVICE_RESOURCE[accelerator], options: undefined };
  const deadline = new Date(now() + REGISTER_DEADLINE_MS);
  return new Promise<void>((resolve, reject) => {
    client.register(request, new Metadata(), { deadline }, (error) => (error === null ? resolve() : reject(error)));
  }).finally(() => client.close());
}

function implementation(options: DevicePluginOptions): DevicePluginServer {
  const devices = Array.from({ length: options.slots }, (_, index) => ({
    ID: `${options.accelerator}-${index}`,
    health: 'Healthy',
  }));
  return {
    getDevicePluginOptions: (_call, answer) => answer(null, { preStartRequired: false, getPreferredAllocationAvailable: false }),
    getPreferredAllocation: (_call, answer) => answer(null, {}),
    preStartContainer: (_call, answer) => answer(null, {}),
    // The list never changes: the stream stays open until one side goes.
    listAndWatch: (call) => void call.write({ devices }),
    allocate: (call, answer) => {
      answerAllocate(call.request, options).then(
        (response) => answer(null, response),
        (error: unknown) => answer({ code: status.INTERNAL, details: `podvisor-agent: ${messageOf(error)}` }, null),
      );
    },
  };
}

async function answerAllocate(request: AllocateRequest, { allocate }: DevicePluginOptions): Promise<AllocateResponse> {
  const containerResponses: ContainerAllocateResponse[] = [];
  for (const { devicesIds } of request.containerRequests) {
    const [slot] = devicesIds;
    if (slot === undefined || devicesIds.length > 1)
      throw new Error(`a container holds one virtual machine, not ${devicesIds.length}`);
    containerResponses.push(containerResponse(await allocate(slot)));
  }
  return { containerResponses };
}

function containerResponse({ directory, devices }: Allocation): ContainerAllocateResponse {
  return {
    envs: {},
    mounts: [{ containerPath: SLOT_PATH, hostPath: directory, readOnly: true }],
    devices: devices.map((device) => ({ ...device, permissions: 'rw' })),
  };
}
