import * as fc from 'fast-check';
import type { NodeReportStatus } from '../../../../api/node-report.ts';
import {
  CHECK_MS,
  DRIFT_MS,
  INITIAL_REPORT_STATE,
  nextActions,
  type ReportAction,
  type ReportEvent,
  type ReportState,
  SETTLE_MS,
  STARTING_MS,
  WRITE_MS,
} from '../../../../agent/report/next-actions.ts';
import { weighChange } from '../../../../agent/report/weigh-change.ts';
import { reportStatus } from '../../../build/node-report.ts';

const T = Date.UTC(2026, 0, 2, 4);
const GIB = 2 ** 30;
const vm = (podUid: string) => ({ podUid, zones: [{ id: 0, cpus: 0, memoryBytes: 128 * 2 ** 20, hugepages: {} }] });

function withFree(free: number, total = 1024): NodeReportStatus {
  const [zone] = reportStatus().zones;
  return reportStatus({ zones: [{ ...zone!, hugepages: { '2Mi': { total, free } } }] });
}
function withMemory(freeBytes: number): NodeReportStatus {
  const [zone] = reportStatus().zones;
  return reportStatus({ zones: [{ ...zone!, memory: { ...zone!.memory, freeBytes } }] });
}

describe('weighed as', () => {
  it.each<[ReturnType<typeof weighChange>, string, NodeReportStatus, NodeReportStatus]>([
    ['none', 'nothing but the time', reportStatus(), reportStatus({ observedTime: '2027-01-01T00:00:00Z', summary: 'x' })],
    ['none', 'a little free memory', reportStatus(), withMemory(4.9 * GIB)],
    ['drift', 'much free memory', reportStatus(), withMemory(2.9 * GIB)],
    ['drift', 'one huge page', withFree(1000), withFree(999)],
    ['change', '64 MiB of huge pages', withFree(1000), withFree(968)],
    ['change', 'a sixteenth of a small pool', withFree(16, 16), withFree(15, 16)],
    ['change', 'a larger pool', withFree(10, 10), withFree(10, 20)],
    ['change', 'a new VM', reportStatus(), reportStatus({ vms: [vm('a')] })],
    ['change', 'another VM', reportStatus({ vms: [vm('a')] }), reportStatus({ vms: [vm('b')] })],
    [
      'change',
      'a link that went down',
      reportStatus({ functions: [{ address: 'a', linkUp: true, vfs: { total: 1, free: 1 } }] }),
      reportStatus({ functions: [{ address: 'a', linkUp: false, vfs: { total: 1, free: 1 } }] }),
    ],
    ['change', 'an accelerator', reportStatus(), reportStatus({ accelerator: 'kvm' })],
  ])('%s: %s', (weight, _, before, now) => {
    expect(weighChange(before, now)).toBe(weight);
    expect(weighChange(now, before)).toBe(weight);
  });

  it('none: the same with its fields in another order, as the API server gives them back', () => {
    const reversed = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(reversed)
        : typeof value === 'object' && value !== null
          ? Object.fromEntries(
              Object.entries(value)
                .reverse()
                .map(([key, one]) => [key, reversed(one)]),
            )
          : value;
    const full = reportStatus({ vms: [vm('a')], functions: [{ address: 'a', linkUp: true, vfs: { total: 1, free: 1 } }] });
    expect(weighChange(full, reversed(full) as NodeReportStatus)).toBe('none');
  });
});

/** Plays events at times; gives what was decided last. */
function play(...steps: readonly (readonly [at: number, event: ReportEvent])[]): {
  state: ReportState;
  actions: readonly ReportAction[];
} {
  let decision: ReturnType<typeof nextActions> = { state: INITIAL_REPORT_STATE, actions: [] };
  for (const [at, event] of steps) decision = nextActions(decision.state, event, T + at);
  return decision;
}
const facts = (status: NodeReportStatus, starting = false): ReportEvent => ({ type: 'facts', status, starting });
const loaded = (status?: NodeReportStatus): ReportEvent => ({ type: 'loaded', exists: status !== undefined, status });
const before = reportStatus();
const changed = reportStatus({ vms: [vm('a')] });
const known = [
  [0, facts(before)],
  [0, loaded(before)],
] as const;

describe('the report', () => {
  it('is looked up first, and written when there is none', () => {
    expect(play([0, facts(before)]).actions).toEqual([{ type: 'load' }]);
    expect(play([0, facts(before)], [5, loaded()]).actions).toEqual([{ type: 'write', status: before, create: true }]);
  });

  it('is not written when the stored one says the same, as after a restart', () => {
    expect(play(...known).actions).toEqual([{ type: 'wake', afterMs: CHECK_MS }]);
  });

  it('is not written sooner after a restart than without it', () => {
    const stored = reportStatus({ observedTime: new Date(T - 1000).toISOString() });
    expect(play([0, facts(changed)], [0, loaded(stored)]).actions).toEqual([{ type: 'wake', afterMs: WRITE_MS - 1000 }]);
  });

  it('is written a moment after a change, so that what starts together is told together', () => {
    expect(play(...known, [9, facts(changed)]).actions).toEqual([{ type: 'wake', afterMs: SETTLE_MS }]);
    expect(play(...known, [9, facts(changed)], [9 + SETTLE_MS, { type: 'time' }]).actions).toEqual([
      { type: 'write', status: changed, create: false },
    ]);
  });

  it('is not written when a change is gone before it was told', () => {
    expect(play(...known, [9, facts(changed)], [10, facts(before)]).actions).toEqual([{ type: 'wake', afterMs: CHECK_MS - 10 }]);
  });

  it('waits for a VM that starts, but not for ever', () => {
    const starting = [...known, [0, facts(withFree(500), true)]] as const;
    expect(play(...starting, [SETTLE_MS, { type: 'time' }]).actions).toEqual([
      { type: 'wake', afterMs: STARTING_MS - SETTLE_MS },
    ]);
    expect(play(...starting, [STARTING_MS, { type: 'time' }]).actions[0]?.type).toBe('write');
    expect(play(...starting, [4000, facts(changed)]).actions[0]?.type).toBe('write');
  });

  it('tells drift once a minute', () => {
    const written = [
      ...known,
      [0, facts(changed)],
      [SETTLE_MS, { type: 'time' }],
      [3000, { type: 'written', status: changed }],
    ] as const;
    const drift = withFree(1020);
    const drifted = { ...drift, vms: changed.vms };
    expect(play(...written, [4000, facts(drifted)]).actions).toEqual([{ type: 'wake', afterMs: DRIFT_MS - 1000 }]);
  });

  it('is made anew when somebody deleted it, and written over when somebody changed it', () => {
    const check = [...known, [CHECK_MS, { type: 'time' }]] as const;
    expect(play(...check).actions).toEqual([{ type: 'load' }]);
    expect(play(...check, [CHECK_MS, loaded()]).actions).toEqual([{ type: 'write', status: before, create: true }]);
    const forged = play(...check, [CHECK_MS, loaded(withFree(7))], [CHECK_MS + SETTLE_MS, { type: 'time' }]);
    expect(forged.actions).toEqual([{ type: 'write', status: before, create: false }]);
  });

  it('waits after an error as long as it is told, whatever happens meanwhile', () => {
    const failed = [[0, facts(before)], [1, { type: 'failed', waitMs: 500 }]] as const; // prettier-ignore
    expect(play(...failed, [100, facts(changed)]).actions).toEqual([{ type: 'wake', afterMs: 401 }]);
    expect(play(...failed, [501, { type: 'time' }]).actions).toEqual([{ type: 'load' }]);
  });

  it('is asked for once at a time', () => {
    expect(play([0, facts(before)], [1, facts(changed)]).actions).toEqual([]);
  });
});

/** A node and an API server that play for ten minutes; returns when writes were made. */
function simulate(
  changes: readonly (readonly [at: number, status: NodeReportStatus])[],
): { at: number; status: NodeReportStatus }[] {
  const writes: { at: number; status: NodeReportStatus }[] = [];
  let state = INITIAL_REPORT_STATE;
  let stored: NodeReportStatus | undefined;
  let wakeAt = Infinity;
  const hear = (event: ReportEvent, now: number): void => {
    const decision = nextActions(state, event, now);
    state = decision.state;
    for (const action of decision.actions) {
      wakeAt = action.type === 'wake' ? now + action.afterMs : Infinity;
      if (action.type === 'load') hear(loaded(stored), now);
      if (action.type === 'write') {
        stored = { ...action.status, observedTime: new Date(now).toISOString() };
        writes.push({ at: now, status: action.status });
        hear({ type: 'written', status: action.status }, now);
      }
    }
  };
  for (let now = T; now <= T + 600_000; now += 500) {
    const status = changes.filter(([at]) => T + at <= now).at(-1)?.[1] ?? before;
    if ((now - T) % 10_000 === 0) hear(facts(status), now);
    else if (now >= wakeAt) hear({ type: 'time' }, now);
  }
  return writes;
}

it('ten minutes of any changes: at most a write in ten seconds, and the last state is told', () => {
  const state = fc.oneof(
    fc.integer({ min: 0, max: 1024 }).map((free) => withFree(free)),
    fc.constantFrom('a', 'b').map((uid) => reportStatus({ vms: [vm(uid)] })),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 500_000 }), state), { maxLength: 40, size: 'max' }), (list) => {
      const changes = list.toSorted(([a], [b]) => a - b);
      const writes = simulate(changes);
      for (const [index, { at }] of writes.entries())
        if (index > 0) expect(at - writes[index - 1]!.at).toBeGreaterThanOrEqual(WRITE_MS);
      expect(weighChange(writes.at(-1)!.status, changes.at(-1)?.[1] ?? before)).toBe('none');
    }),
    { numRuns: 50 },
  );
});

it('a node where nothing happens writes once', () => expect(simulate([])).toHaveLength(1));
