import { checkNetwork, type NetworkWorld } from '../../../agent/guest-network.ts';
import type { SlotEvent } from '../../../agent/slot-types.ts';
import { ETH0, vmFacts } from '../../build/vm-facts.ts';

const launcher = { pid: 42, startTime: '1' };
const networks = [{ name: 'pod', interface: 'eth0', binding: 'passt' as const }];
const plain = vmFacts();
const vm = { ...plain, guest: { ...plain.guest, networks } };
const none = { servers: [], searches: [] };

/** A pod in which these sockets are listened on; `start` is what starting a program comes to. */
function world(listening: readonly string[], { start = '', alive = true } = {}) {
  const started: string[] = [];
  const made = {
    processes: { isAlive: () => alive },
    network: {
      links: () => Promise.resolve([ETH0]),
      listening: () => Promise.resolve(listening),
      startHelpers: (_launcher: unknown, helpers: readonly { program: string }[]) => {
        if (start !== '') return Promise.reject(new Error(start));
        started.push(...helpers.map(({ program }) => program));
        return Promise.resolve();
      },
    },
    nodeDns: () => ({ cluster: none, clusterDomain: 'cluster.local', node: none }),
  };
  return { made: made as unknown as NetworkWorld, started };
} // prettier-ignore

test.each<[string, ReturnType<typeof world>, SlotEvent, string[]]>([
  ['passt that listens is left alone', world(['@/other', 'passt0.sock']), { type: 'network-served', revived: false }, []],
  ['passt that is gone is started', world(['passt1.sock']), { type: 'network-served', revived: true }, ['passt']],
  ['one that does not start is told', world([], { start: 'no socket' }), { type: 'network-lost', message: 'no socket' }, []],
  ['a pod that is gone lacks nothing', world([], { start: 'no pod', alive: false }), { type: 'network-served', revived: false }, []],
])('%s', async (_title, { made, started }, event, programs) => {
  expect(await checkNetwork(made, { vm, launcher }, { sockets: '/slots/tcg-0/net' })).toEqual(event);
  expect(started).toEqual(programs);
}); // prettier-ignore
