import { readFileSync } from 'node:fs';
import { expect } from '@jest/globals';
import { apply } from './harness/kubectl.ts';
import { vmPod } from './harness/objects.ts';
import { auditLog } from './harness/local.ts';
import { deletePod, waitReady } from './harness/vm.ts';
import { localVmTest, useNamespace } from './harness/suite.ts';

const ns = useNamespace('e2e-writes');

interface AuditEvent {
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly requestURI: string;
  readonly stageTimestamp: string;
}

const WRITES = new Set(['create', 'update', 'patch', 'delete']);

const IDLE_SECONDS = Number(process.env['PODVISOR_IDLE_SECONDS'] ?? 30);
const SCHEDULER = ':podvisor-scheduler';

/** Writes by our ServiceAccounts since `since`; those of kube-scheduler itself, whichever scheduler a pod names, apart: bindings, their events, its leader lease. */
function ourWrites(since: Date): { readonly ours: readonly AuditEvent[]; readonly scheduler: readonly AuditEvent[] } {
  const events = readFileSync(auditLog, 'utf8')
    .split('\n')
    .filter((line) => line.includes('system:serviceaccount:podvisor-'))
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter((event) => WRITES.has(event.verb) && new Date(event.stageTimestamp) >= since);
  const byScheduler = (event: AuditEvent): boolean => event.user.username.endsWith(SCHEDULER);
  return { ours: events.filter((event) => !byScheduler(event)), scheduler: events.filter(byScheduler) };
}

const isReport = ({ requestURI }: AuditEvent): boolean => requestURI.includes('/nodereports');

const summary = (events: readonly AuditEvent[]): string =>
  events.map(({ verb, requestURI }) => `${verb} ${requestURI}`).join('\n');

localVmTest(
  'at most three API writes by us per VM start, none while it runs on',
  ns,
  async () => {
    const start = new Date();
    const count = 3;
    await apply(ns, ...Array.from({ length: count }, (_, index) => vmPod(`counted-${index}`)));
    for (let index = 0; index < count; index++) await waitReady(ns, `counted-${index}`);
    // An agent tells of its node at most every ten seconds, of many starts in one write.
    await new Promise((resolve) => setTimeout(resolve, 15_000));
    const idle = new Date();
    const { ours } = ourWrites(start);
    const perStart = ours.filter((event) => !isReport(event));
    const reports = ours.filter(isReport);
    console.log(`API writes for ${count} VM starts: ${perStart.length}, and ${reports.length} NodeReports\n${summary(ours)}`);
    expect(reports.length).toBeLessThanOrEqual(2 * count);
    expect(perStart.length).toBeLessThanOrEqual(3 * count);
    await new Promise((resolve) => setTimeout(resolve, IDLE_SECONDS * 1000));
    const whileIdle = ourWrites(idle);
    const leases = whileIdle.scheduler.filter(({ requestURI }) => requestURI.includes('/leases'));
    console.log(
      `API writes in ${IDLE_SECONDS} idle seconds: ${whileIdle.ours.length}; kube-scheduler's leader lease: ${leases.length}`,
    );
    expect(summary(whileIdle.ours)).toBe('');
    expect(whileIdle.scheduler).toHaveLength(leases.length);
    for (let index = 0; index < count; index++) await deletePod(ns, `counted-${index}`);
  },
  (IDLE_SECONDS + 120) * 1000,
);
