import fc from 'fast-check';
import { INITIAL_LEADERSHIP, nextActions } from '../../../../controllers/leadership/plan.ts';
import type { LeadershipEvent, LeadershipState } from '../../../../controllers/leadership/plan.ts';

const TIMES = { giveWayMs: 1500, lingerMs: 2000 };
const NOW = 1_000_000;

const at = (phase: LeadershipState['phase'], fields: Partial<LeadershipState> = {}): LeadershipState => ({
  ...INITIAL_LEADERSHIP,
  phase,
  ...fields,
});
const work: LeadershipEvent = { kind: 'pending', pending: true };
const none: LeadershipEvent = { kind: 'pending', pending: false };

it.each<[string, LeadershipState, LeadershipEvent, readonly [LeadershipState['phase'], ...string[]]]>([
  ['stays out of it while there is nothing to write', at('idle'), none, ['idle']],
  ['gives way to the one that led last', at('idle'), work, ['giving-way', 'wake 1500']],
  ['goes first when it led last', at('idle', { ledLast: true }), work, ['campaigning', 'start-election']],
  ['forgets it when another has written meanwhile', at('giving-way', { pending: true, until: NOW }), none, ['idle']],
  [
    'waits on when it is woken early, as real timers do',
    at('giving-way', { pending: true, until: NOW + 0.3 }),
    { kind: 'time' },
    ['giving-way', 'wake 1'],
  ],
  [
    'waits no longer than ever when the clock was set back',
    at('lingering', { until: NOW + 3_600_000 }),
    { kind: 'time' },
    ['lingering', 'wake 2000'],
  ],
  [
    'goes when nobody has written',
    at('giving-way', { pending: true, until: NOW }),
    { kind: 'time' },
    ['campaigning', 'start-election'],
  ],
  ['leads when it won', at('campaigning', { pending: true }), { kind: 'won' }, ['leading']],
  ['keeps the lease a moment when it won too late', at('campaigning'), { kind: 'won' }, ['lingering', 'wake 2000']],
  ['gives up when another has written', at('campaigning', { pending: true }), none, ['resigning', 'stop-election']],
  ['keeps the lease a moment after the last write', at('leading', { pending: true }), none, ['lingering', 'wake 2000']],
  ['leads on when more comes in that moment', at('lingering', { until: NOW }), work, ['leading']],
  ['gives the lease back after that moment', at('lingering', { until: NOW }), { kind: 'time' }, ['resigning', 'stop-election']],
  [
    'goes on as a candidate when it lost the lease in the middle',
    at('leading', { pending: true }),
    { kind: 'lost' },
    ['campaigning'],
  ],
  ['ends when it lost the lease with nothing left', at('lingering'), { kind: 'lost' }, ['resigning', 'stop-election']],
  ['notes work that comes while it resigns', at('resigning'), work, ['resigning']],
  ['starts over for it', at('resigning', { pending: true, ledLast: true }), { kind: 'ended' }, ['campaigning', 'start-election']],
  ['rests after it resigned', at('resigning', { ledLast: true }), { kind: 'ended' }, ['idle']],
  ['hears of the end of its own reign without surprise', at('resigning'), { kind: 'lost' }, ['resigning']],
])('%s', (_title, state, event, [phase, ...actions]) => {
  const next = nextActions(state, event, NOW, TIMES);
  expect(next.state.phase).toBe(phase);
  expect(next.actions.map((action) => (action.do === 'wake' ? `wake ${action.afterMs}` : action.do))).toEqual(actions);
});

it('remembers that it led until it hears of another', () => {
  const led = nextActions(at('campaigning', { pending: true }), { kind: 'won' }, NOW, TIMES).state;
  expect(led.ledLast).toBe(true);
  expect(nextActions(led, { kind: 'lost' }, NOW, TIMES).state.ledLast).toBe(false);
  expect(nextActions(at('campaigning', { pending: true, ledLast: true }), none, NOW, TIMES).state.ledLast).toBe(false);
});

it('whatever happens, elections are started and stopped in turn, and with nothing to write it ends idle', () => {
  const event = fc.constantFrom<LeadershipEvent>(work, none, { kind: 'won' }, { kind: 'lost' }, { kind: 'time' });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40, size: 'max' }), (events) => {
      let state = INITIAL_LEADERSHIP;
      let now = NOW;
      const elections: string[] = [];
      const feed = (next: LeadershipEvent): void => {
        now += 10_000;
        const step = nextActions(state, next, now, TIMES);
        state = step.state;
        elections.push(...step.actions.map((action) => action.do).filter((name) => name !== 'wake'));
        if (step.actions.some((action) => action.do === 'stop-election')) feed({ kind: 'ended' });
      };
      // Only a candidate wins, only a leader loses, as the election promises.
      for (const next of events) if (next.kind !== 'won' || state.phase === 'campaigning') feed(next);
      feed(none);
      feed({ kind: 'time' });
      expect(state.phase).toBe('idle');
      expect(elections).toEqual(elections.map((_, index) => (index % 2 === 0 ? 'start-election' : 'stop-election')));
      expect(elections.length % 2).toBe(0);
    }),
  );
});
