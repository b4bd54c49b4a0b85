import type { NodeReportStatus } from '../../../api/node-report.ts';
import { type BoundVm, createLedger } from '../../../scheduler-plugin/placement/ledger.ts';
import { createReportReader } from '../../../scheduler-plugin/placement/report-facts.ts';
import { report, reportedZone } from '../../build/placement.ts';

const read = createReportReader();

function vm(uid: string, amount: number, zone: number | null = 0): BoundVm {
  const needs = { memory: '2Mi', amount, cpus: 0, functions: [] } as const;
  const plan = zone === null ? undefined : { zones: [{ id: zone, cpus: 0, amount }], functions: [] };
  return { uid, node: 'a', owner: `owner-${uid}`, ended: false, needs, plan };
}
const held = (podUid: string, id: number, pages: number): NodeReportStatus['vms'][number] => {
  return { podUid, zones: [{ id, cpus: 0, memoryBytes: pages * 2 ** 21, hugepages: { '2Mi': pages } }] };
};
const free = (first: number, second: number, vms: NodeReportStatus['vms'] = []) =>
  read(report({ zones: [reportedZone(0, first), reportedZone(1, second)], vms }));

function ledgerWith(first: number, second: number) {
  const ledger = createLedger();
  ledger.setReport('a', free(first, second));
  const pages = (uid?: string) => ledger.room('a', uid)?.zones.map(({ memory }) => memory['2Mi']);
  return { ledger, pages };
}

test('a node without a report has no room anybody knows of', () => {
  expect(createLedger().room('a')).toBeUndefined();
});

test('from reservation over binding, start and report to the end, a VM is counted exactly once', () => {
  const { ledger, pages } = ledgerWith(100, 100);
  ledger.reserve({ ...vm('v', 60), expiresAt: 1 });
  expect([pages(), ledger.reservations()]).toEqual([[40, 100], 1]);
  ledger.setPod('default/v', vm('v', 60));
  expect([pages(), ledger.reservations()]).toEqual([[40, 100], 0]);
  // The agent saw it with a third of its pages.
  ledger.setReport('a', free(80, 100, [held('v', 0, 20)]));
  expect(pages()).toEqual([40, 100]);
  ledger.setReport('a', free(40, 100, [held('v', 0, 60)]));
  expect(pages()).toEqual([40, 100]);
  ledger.setPod('default/v', { ...vm('v', 60), ended: true });
  expect(pages()).toEqual([100, 100]);
  ledger.setPod('default/v', undefined);
  expect(pages()).toEqual([100, 100]);
  ledger.setReport('a', free(100, 100));
  expect(pages()).toEqual([100, 100]);
});

test('where a VM really is counts, not where it was planned', () => {
  const { ledger, pages } = ledgerWith(100, 40);
  ledger.setPod('default/v', vm('v', 60));
  ledger.setReport('a', free(100, 40, [held('v', 1, 60)]));
  expect(pages()).toEqual([100, 40]);
});

test('a VM that was deleted by force may run on: its part stays taken until the report says otherwise', () => {
  const { ledger, pages } = ledgerWith(40, 100);
  ledger.setPod('default/v', vm('v', 60));
  ledger.setReport('a', free(40, 100, [held('v', 0, 60)]));
  ledger.setPod('default/v', undefined);
  expect(pages()).toEqual([40, 100]);
});

test('a VM nobody planned is taken off where most is free', () => {
  const { ledger, pages } = ledgerWith(50, 100);
  ledger.setPod('default/v', vm('v', 110, null));
  expect(pages()).toEqual([40, 0]);
});

test('the own claim of a VM does not stand in its way', () => {
  const { ledger, pages } = ledgerWith(100, 100);
  ledger.reserve({ ...vm('v', 60), expiresAt: 1 });
  expect([pages('v'), pages('w')]).toEqual([[100, 100], [40, 100]]); // prettier-ignore
});

test('a reservation ends with its time, or when the binding failed, or when the pod is seen elsewhere', () => {
  const { ledger, pages } = ledgerWith(100, 100);
  ledger.reserve({ ...vm('v', 60), expiresAt: 10 });
  expect([ledger.expire(9), ledger.expire(10), pages()]).toEqual([0, 1, [100, 100]]);
  ledger.reserve({ ...vm('v', 60), expiresAt: 10 });
  ledger.release('v');
  expect(pages()).toEqual([100, 100]);
  ledger.reserve({ ...vm('v', 60), expiresAt: 10 });
  ledger.setPod('default/v', { ...vm('v', 60), node: 'b' });
  expect([pages(), ledger.vmsOn('b')]).toEqual([[100, 100], 1]);
});

test('a pod seen bound keeps its claim, whatever is reserved for it again', () => {
  const { ledger, pages } = ledgerWith(100, 100);
  ledger.setPod('default/v', vm('v', 60));
  ledger.reserve({ ...vm('v', 60), expiresAt: 10 });
  expect([ledger.expire(10), ledger.reservations(), pages()]).toEqual([0, 0, [40, 100]]);
  ledger.reserve({ ...vm('v', 60), expiresAt: 10 });
  ledger.release('v');
  expect(pages()).toEqual([40, 100]);
});

test('a pod made anew under the same name is another VM', () => {
  const { ledger, pages } = ledgerWith(100, 100);
  ledger.setPod('default/v', vm('v', 60));
  ledger.setPod('default/v', vm('v2', 10));
  expect([pages(), ledger.vmsOn('a')]).toEqual([[90, 100], 1]);
});

test('VMs of one owner are told apart from others and from oneself', () => {
  const { ledger } = ledgerWith(100, 100);
  ledger.setPod('default/v', { ...vm('v', 1), owner: 'rs' });
  ledger.setPod('default/w', { ...vm('w', 1), owner: 'rs' });
  ledger.setPod('default/x', vm('x', 1));
  expect([ledger.siblings('a', 'rs', 'v'), ledger.siblings('a', 'rs', 'new'), ledger.vmsOn('a')]).toEqual([1, 2, 3]);
});
