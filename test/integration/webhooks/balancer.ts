import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** What a Service does: new connections go to one backend after the other, those that are there stay. */
export interface Balancer {
  readonly port: number;
  /** Ports of the replicas that are ready. */
  backends: readonly number[];
  stop(): Promise<void>;
}

export async function startBalancer(): Promise<Balancer> {
  const open = new Set<Socket>();
  let turn = 0;
  const server = createServer((client) => {
    const port = balancer.backends[(turn += 1) % balancer.backends.length];
    if (port === undefined) return void client.destroy();
    const backend = connect(port, 'localhost');
    for (const [from, to] of [
      [client, backend],
      [backend, client],
    ] as const) {
      open.add(from);
      from.on('error', () => to.destroy()).on('close', () => open.delete(from) && to.destroy());
      from.pipe(to);
    }
  }).listen(0, 'localhost');
  await new Promise((resolve) => server.once('listening', resolve));
  const balancer: Balancer = {
    port: (server.address() as AddressInfo).port,
    backends: [],
    stop: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return balancer;
}
