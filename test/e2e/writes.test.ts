import { readFileSync } from 'node:fs';
import { expect } from '@jest/globals';
import { apply } from './harness/kubectl.ts';
import { vmPod } from './harness/objects.ts';
import { auditLog, onLocalCluster } from './harness/local.ts';
import { deletePod, waitReady } from './harness/vm.ts';
import { useNamespace, vmTest } from './harness/suite.ts';

const ns = useNamespace('e2e-writes');

interface AuditEvent {
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly requestURI: string;
  readonly stageTimestamp: string;
}

const WRITES = new Set(['create', 'update', 'patch', 'delete']);

/** Writes by our ServiceAccounts since `since`. Leases of leader elections are listed apart: they do not depend on VMs. */
function ourWrites(since: Date): { readonly leases: readonly AuditEvent[]; readonly others: readonly AuditEvent[] } {
  const events = readFileSync(auditLog, 'utf8')
    .split('\n')
    .filter((line) => line.includes('system:serviceaccount:podvisor-'))
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter((event) => WRITES.has(event.verb) && new Date(event.stageTimestamp) >= since);
  const isLease = (event: AuditEvent): boolean => event.requestURI.includes('/leases');
  // Binding the pod and its event are kube-scheduler's own, whichever scheduler a pod names.
  const ours = events.filter((event) => !event.user.username.endsWith(':podvisor-scheduler'));
  return { leases: ours.filter(isLease), others: ours.filter((event) => !isLease(event)) };
}

vmTest('at most three API writes by us per VM start, none while it runs on', ns, async () => {
  if (!onLocalCluster) throw new Error("needs the local cluster: it reads the API server's audit log");
  const start = new Date();
  const count = 3;
  await apply(ns, ...Array.from({ length: count }, (_, index) => vmPod(`counted-${index}`)));
  for (let index = 0; index < count; index++) await waitReady(ns, `counted-${index}`);
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  const idle = new Date();
  const perStart = ourWrites(start).others;
  console.log(
    `API writes for ${count} VM starts: ${perStart.length}\n${perStart.map((event) => `${event.verb} ${event.requestURI}`).join('\n')}`,
  );
  expect(perStart.length).toBeLessThanOrEqual(3 * count);
  await new Promise((resolve) => setTimeout(resolve, Number(process.env['PODVISOR_IDLE_SECONDS'] ?? 30) * 1000));
  expect(ourWrites(idle).others).toEqual([]);
  for (let index = 0; index < count; index++) await deletePod(ns, `counted-${index}`);
});
