import { createAudit } from '../../../../controllers/policy-status/audit.ts';
import { createAuditLoop } from '../../../../controllers/policy-status/audit-loop.ts';
import { createPacker } from '../../../../controllers/policy-status/packed-text.ts';
import { vmPod } from '../../../../controllers/vm-pods.ts';
import type { KubeObject } from '../../../../kube/objects.ts';
import { createFakeClock } from '../../../build/fake-clock.ts';
import { runningVm } from '../../../build/vm-pod.ts';

test('tidies after the first audit and after one of a thousand pods, not after a small one or none', async () => {
  const clock = createFakeClock();
  const audit = createAudit();
  let tidied = 0;
  const loop = createAuditLoop({ clock, audit, intervalMs: 30_000, offer: () => undefined, tidy: () => (tidied += 1) });
  const pack = createPacker();
  const audited = async (pods: number): Promise<number> => {
    const { stored } = vmPod(runningVm({ name: 'a' }) as unknown as KubeObject, pack)!;
    for (let at = 0; at < pods; at += 1) audit.setPod(`team/${at}`, { ...stored, text: pack(`${pods} ${at}`) });
    loop.poke();
    await clock.advance(0);
    return tidied;
  };
  loop.start(() => true);
  expect(await audited(3)).toBe(1);
  expect(await audited(0)).toBe(1);
  expect(await audited(900)).toBe(1);
  expect(await audited(100)).toBe(2);
  expect(await audited(5)).toBe(2);
  loop.stop();
});
