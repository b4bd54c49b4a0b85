import { newSlot, nextActions } from '../../../agent/slot-machine.ts';
import type { SlotAction, SlotEvent, SlotState } from '../../../agent/slot-types.ts';
import { vmFacts } from '../../build/vm-facts.ts';

const vm = vmFacts();
const launcher = { pid: 100, startTime: '7' };
const next = { pid: 200, startTime: '9' };
const resolved: SlotEvent = { type: 'pod-resolved', vm, launcher };
const prepared: SlotEvent = {
  type: 'prepared',
  nics: [{ mac: '02:00:00:00:00:01', tap: 'pvtap0' }],
  hostDevices: [{ pci: '0000:3b:00.0' }],
};
const started: SlotEvent[] = [{ type: 'ready' }, resolved, prepared, { type: 'argv-written' }];
const running: SlotEvent[] = [...started, { type: 'qmp-connected', status: 'running' }];
const shutdown = (reason: string): SlotEvent => ({ type: 'qmp-event', name: 'SHUTDOWN', data: { guest: true, reason } });
const panicked: SlotEvent = { type: 'qmp-event', name: 'GUEST_PANICKED', data: { action: 'shutdown' } };
const goesOn: SlotEvent = { type: 'qmp-event', name: 'GUEST_PANICKED', data: { action: 'run' } };
const failed = (reason: string): SlotEvent => ({ type: 'failed', reason, message: 'why' });
const error: SlotEvent = { type: 'error', reason: 'StartDelayed', message: 'the API server is away' };

function play(
  events: readonly SlotEvent[],
  from: SlotState = newSlot('tcg-1', 'tcg'),
): { state: SlotState; actions: readonly SlotAction[] } {
  let state = from;
  let actions: readonly SlotAction[] = [];
  for (const event of events) ({ state, actions } = nextActions(state, event, 1000));
  return { state, actions };
}

/** An action in one word: what a report says, the type of anything else. */
function word(action: SlotAction): string {
  if (action.type === 'retry') return `retry in ${action.afterMs}`;
  if (action.type === 'later') return `${action.event} later`;
  if (action.type !== 'report') return action.type;
  const event = action.event === undefined ? '' : ` + ${action.event.type} ${action.event.reason}`;
  return `report ${action.conditions.ready.status} ${action.conditions.ready.reason}${event}${action.settle ? ', settled' : ''}`;
}

const pinned = { ...resolved, vm: { ...vm, guest: { ...vm.guest, dedicatedCpus: { emulatorThreads: 'share' } } } } as const;
const runningPinned: SlotEvent[] = [{ type: 'ready' }, pinned, ...running.slice(2)];

const elsewhere: SlotEvent = { type: 'argv-written', message: 'Its memory is not bound to zone 1 as planned: why.' };
const withPasst = { ...vm, guest: { ...vm.guest, networks: [{ name: 'pod', interface: 'eth0', binding: 'passt' as const }] } };
const runningPasst: SlotEvent[] = [{ type: 'ready' }, { ...resolved, vm: withPasst }, ...running.slice(2)];
const cutOff: SlotEvent = { type: 'qmp-event', name: 'NETDEV_STREAM_DISCONNECTED', data: { 'netdev-id': 'net0' } };
const lost: SlotEvent = { type: 'network-lost', message: 'why' };
const well: SlotEvent = { type: 'network-served', revived: false };
const revived: SlotEvent = { type: 'network-served', revived: true };
const look: SlotEvent = { type: 'check-network' };
const servedPasst: SlotEvent[] = [...runningPasst, well, look];

test.each<[string, SlotEvent[], string[]]>([
  [
    'a guest that starts with passt has its network looked after, because it may not have got through yet',
    runningPasst,
    ['report True GuestRunning + Normal GuestStarted', 'save', 'check-network'],
  ],
  ['and one that loses passt', [...servedPasst, cutOff], ['check-network']],
  ['not one without passt', [...running, cutOff], []],
  ['nor one that has ended', [...servedPasst, shutdown('guest-shutdown'), cutOff], []],
  [
    'and again after QEMU was not heard for a while',
    [...servedPasst, { type: 'qmp-closed' }, { type: 'qmp-connected', status: 'running' }],
    ['check-network'],
  ],
  ['once at a time, however often QEMU says so', [...servedPasst, cutOff, cutOff, cutOff], []],
  ['and not at once again', [...servedPasst, cutOff, cutOff, well], ['check-network later']],
  ['but then', [...servedPasst, cutOff, cutOff, well, look], ['check-network']],
  ['passt that is there needs no second look', [...servedPasst, cutOff, well, look], []],
  [
    'passt started again is told',
    [...servedPasst, cutOff, revived],
    ['report True GuestRunning + Warning NetworkRestarted', 'check-network later'],
  ],
  ['and looked at once more', [...servedPasst, cutOff, revived, look], ['check-network']],
  [
    'passt that does not start is told, and tried again',
    [...servedPasst, cutOff, lost],
    ['report True GuestRunning + Warning NetworkLost', 'check-network later'],
  ],
  ['after a while', [...servedPasst, cutOff, lost, look], ['check-network']],
  ['but not for a guest that ended meanwhile', [...servedPasst, cutOff, lost, shutdown('guest-shutdown'), look], []],
  [
    'emulation that nobody asked for is told as a warning',
    [{ type: 'ready' }, { ...resolved, vm: { ...vm, guest: { ...vm.guest, emulatedBy: 'fallback' } } }, ...running.slice(2)],
    ['report True GuestRunning + Warning GuestStarted', 'save'],
  ],
  [
    'memory that may be elsewhere than planned is told as a warning, in the Event of the start',
    [...started.slice(0, 3), elsewhere, ...running.slice(4)],
    ['report True GuestRunning + Warning GuestStarted', 'save'],
  ],
  [
    'vCPUs with CPUs of their own are pinned',
    runningPinned,
    ['report True GuestRunning + Normal GuestStarted', 'save', 'pin-cpus'],
  ],
  [
    'and again after a reconnect',
    [...runningPinned, { type: 'qmp-closed' }, { type: 'qmp-connected', status: 'running' }],
    ['pin-cpus'],
  ],
  ['pinned vCPUs are no news', [...runningPinned, { type: 'cpus-pinned' }], []],
  [
    'vCPUs that cannot be pinned are told',
    [...runningPinned, { type: 'pin-failed', message: 'why' }],
    ['report True GuestRunning + Warning CpuPinningFailed'],
  ],
  ['a launcher that is ready has its pod resolved', [{ type: 'ready' }], ['resolve-pod']],
  ['a second ready during a start changes nothing', [{ type: 'ready' }, { type: 'ready' }], []],
  ['a resolved pod is remembered and gets its network and devices', [{ type: 'ready' }, resolved], ['save', 'prepare']],
  ['what is prepared brings argv', started.slice(0, 3), ['write-argv']],
  ['written argv is remembered', started, ['save', 'observe-start']],
  ['a running guest is told once, with its event', running, ['report True GuestRunning + Normal GuestStarted', 'save']],
  ['a reconnect tells nothing', [...running, { type: 'qmp-closed' }, { type: 'qmp-connected', status: 'running' }], []],
  ['ready from a launcher that has its argv is a lie', [...running, { type: 'ready' }, resolved], []],
  [
    'ready from a new launcher starts anew',
    [...running, { type: 'ready' }, { ...resolved, launcher: next }],
    ['save', 'prepare'],
  ],
  ['events without a start are late and ignored', [resolved], []],
  ['a launcher that is gone ends the start', [{ type: 'ready' }, { type: 'launcher-gone' }, { type: 'retry' }], []],
  ['a first error is only retried', [{ type: 'ready' }, error], ['retry in 250']],
  [
    'an error that lasts is told',
    [{ type: 'ready' }, error, { type: 'retry' }, error],
    ['report False StartDelayed + Warning StartDelayed', 'retry in 500'],
  ],
  ['and told once', [{ type: 'ready' }, error, { type: 'retry' }, error, { type: 'retry' }, error], ['retry in 1000']],
  ['a retry begins at the pod', [{ type: 'ready' }, error, { type: 'retry' }], ['resolve-pod']],
  ['power-off', [...running, shutdown('guest-shutdown')], ['report False GuestPoweredOff + Normal GuestStopped, settled']],
  ['forced off', [...running, shutdown('host-qmp-quit')], ['report False ForcedOff + Warning ForcedOff, settled']],
  ['the launcher repeats what QMP said', [...running, shutdown('host-qmp-quit'), failed('ForcedOff')], []],
  ['a panic the guest goes on after (podvisor.dev/panic: ignore)', [...running, goesOn], []],
  ['a panic', [...running, panicked], ['report False GuestPanicked + Warning GuestPanicked, settled']],
  ['the shutdown after a panic says nothing new', [...running, panicked, shutdown('guest-panic')], []],
  [
    'a word the agent does not know',
    [...running, shutdown('subsystem-reset')],
    ['report False GuestStopped + Warning GuestStopped, settled'],
  ],
  ['QMP closes without a word: wait', [...running, { type: 'qmp-closed' }], ['qmp-lost later']],
  [
    'and it does not come back',
    [...running, { type: 'qmp-closed' }, { type: 'qmp-lost' }],
    ['report False QemuGone + Warning QemuGone, settled'],
  ],
  ['QMP closes after a shutdown: nothing', [...running, shutdown('guest-shutdown'), { type: 'qmp-closed' }], []],
  ['a late timer after a reconnect', [...running, { type: 'qmp-lost' }], []],
  [
    'QEMU died',
    [...running, { type: 'qmp-closed' }, failed('QemuKilled')],
    ['report False QemuKilled + Warning QemuKilled, settled'],
  ],
  ['a failure before ready needs the pod', [failed('ImageRejected')], ['identify']],
  [
    'and is told when it is known',
    [failed('ImageRejected'), { type: 'identified', vm }],
    ['save', 'report False ImageRejected + Warning ImageRejected, settled'],
  ],
  ['a crash loop is told once', [failed('ImageRejected'), { type: 'identified', vm }, failed('ImageRejected')], []],
  ['a paused guest is not ready', [...running, { type: 'qmp-event', name: 'STOP', data: {} }], ['report False GuestPaused']],
  [
    'and ready again',
    [...running, { type: 'qmp-event', name: 'STOP', data: {} }, { type: 'qmp-event', name: 'RESUME', data: {} }],
    ['report True GuestRunning'],
  ],
  ["a reboot inside QEMU is nobody's business", [...running, { type: 'qmp-event', name: 'RESET', data: {} }], []],
  ['a connection of an unknown pod', [{ type: 'qmp-connected', status: 'running' }], []],
])('%s', (_, events, expected) => {
  expect(play(events).actions.map(word)).toEqual(expected);
});

test('waits between retries grow to half a minute', () => {
  let { state } = play([{ type: 'ready' }]);
  for (let round = 0; round < 20; round += 1) ({ state } = play([error, { type: 'retry' }], state));
  expect(play([error], state).actions.map(word)).toEqual(['retry in 30000']);
});

test('a second life of the container is announced again, and of its own memory alone', () => {
  const { state, actions } = play([
    ...started.slice(0, 3),
    elsewhere,
    ...running.slice(4),
    shutdown('guest-shutdown'),
    { type: 'qmp-closed' },
  ]);
  expect(actions).toEqual([]);
  expect(state.memoryNote).toContain('zone 1');
  const again = play(
    [
      { type: 'ready' },
      { ...resolved, launcher: next },
      prepared,
      { type: 'argv-written' },
      { type: 'qmp-connected', status: 'running' },
    ],
    state,
  );
  expect(again.actions.map(word)).toEqual(['report True GuestRunning + Normal GuestStarted', 'save']);
  expect(again.state).not.toHaveProperty('ending');
  expect(again.state).not.toHaveProperty('memoryNote');
});
