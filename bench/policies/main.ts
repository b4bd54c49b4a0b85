/** What policies cost in the pure core: the same mutation with 0, 1, 10 and 100 policies, in microseconds of CPU time. Ends with one line of figures. */
import { VM_LABEL } from '../../api/names.ts';
import { compilePolicy } from '../../policy/compile.ts';
import { selectPolicies } from '../../policy/select.ts';
import { mutateUnderPolicies } from '../../webhooks/policy/under-policies.ts';
import { manyPolicies } from '../../test/build/many-policies.ts';
import { vmPod, withDefaults } from '../../test/build/pod.ts';

const ROUNDS = 3000;
const SAMPLES = 7;
const pod = withDefaults(vmPod({ namespace: 'team' }));
const context = { launcherImage: 'localhost/podvisor/launcher:dev', accelerators: { kvm: true, tcg: true }, namespace: 'team' };
const namespace = { name: 'team', labels: {} };

/** Median CPU time of one admission with so many policies, in microseconds. */
function measure(count: number): number {
  const compiled = manyPolicies(count).map(compilePolicy);
  const once = (): void => {
    const selected = selectPolicies({ namespace, labels: { [VM_LABEL]: 'true' } }, compiled, 0);
    const made = mutateUnderPolicies(pod, count === 0 ? context : { ...context, policies: { selected, namespace, usage: [] } });
    if (!made.ok) throw new Error('a policy of the benchmark refuses its pod');
  };
  for (let round = 0; round < ROUNDS; round += 1) once();
  const samples = Array.from({ length: SAMPLES }, () => {
    const start = process.cpuUsage();
    for (let round = 0; round < ROUNDS; round += 1) once();
    const { user, system } = process.cpuUsage(start);
    return (user + system) / ROUNDS;
  });
  return samples.sort((a, b) => a - b)[Math.floor(SAMPLES / 2)] ?? 0;
}

const [none = 0, ...some] = [0, 1, 10, 100].map(measure);
const shown = some.map((time, index) => `${[1, 10, 100][index] ?? 0} policies +${(time - none).toFixed(0)} us`);
console.log(`mutation ${none.toFixed(0)} us; ${shown.join(', ')}`);
