import { Registry } from 'prom-client';
import { createSourceGauges } from '../../../../scheduler-plugin/sources/metrics.ts';
import { ageOf, type Followed, isFresh, MAX_AGE_MS, sourceOf } from '../../../../scheduler-plugin/sources/source.ts';

const followed = (fields: Partial<Record<'present' | 'synced', boolean>> & { heardAt?: number } = {}): Followed => ({
  start: () => undefined,
  stop: () => Promise.resolve(),
  present: () => fields.present ?? true,
  synced: () => fields.synced ?? true,
  whenSynced: () => Promise.resolve(),
  heardAt: () => ('heardAt' in fields ? fields.heardAt : 1_000),
});

const NOW = MAX_AGE_MS + 1_000;

test.each([
  ['heard lately', [followed({ heardAt: NOW - 1 })], true],
  ['silent exactly as long as is borne', [followed({ heardAt: NOW - MAX_AGE_MS })], true],
  ['silent a moment longer', [followed({ heardAt: NOW - MAX_AGE_MS - 1 })], false],
  ['absent', [followed({ present: false, heardAt: NOW })], false],
  ['not read whole yet', [followed({ synced: false, heardAt: NOW })], false],
  ['never heard', [followed({ synced: false, heardAt: undefined } as never)], false],
  ['one of two silent', [followed({ heardAt: NOW }), followed({ heardAt: 999 })], false],
  ['one of two absent', [followed({ heardAt: NOW }), followed({ present: false, heardAt: NOW })], false],
])('a source that was %s counts: %#', (_what, parts, expected) => {
  expect(isFresh(sourceOf('x', ...parts), NOW)).toBe(expected);
});

test('the age of several kinds is that of the one silent longest', () => {
  expect(ageOf(sourceOf('x', followed({ heardAt: 400 }), followed({ heardAt: 900 })), 1_000)).toBe(600);
});

test('starting and stopping reaches all parts', async () => {
  const calls: string[] = [];
  const part = (name: string): Followed => ({
    ...followed(),
    start: () => void calls.push(`start ${name}`),
    stop: () => Promise.resolve(void calls.push(`stop ${name}`)),
  });
  const source = sourceOf('x', part('a'), part('b'));
  source.start();
  await source.stop();
  expect(calls).toEqual(['start a', 'start b', 'stop a', 'stop b']);
});

test('metrics tell presence of each source, and the age of those that are present', async () => {
  const registry = new Registry();
  const sources = [sourceOf('here', followed({ heardAt: 4_000 })), sourceOf('gone', followed({ present: false }))];
  createSourceGauges(registry, () => sources, { now: () => 10_000 });
  const text = await registry.metrics();
  expect(text).toContain('podvisor_placement_source_present{source="here"} 1');
  expect(text).toContain('podvisor_placement_source_present{source="gone"} 0');
  expect(text).toContain('podvisor_placement_source_age_seconds{source="here"} 6');
  expect(text).not.toContain('age_seconds{source="gone"}');
});
