import type { PolicySpec } from '../api/policy.ts';
import { formatBytes, wholeUp } from '../api/quantity.ts';
import type { Violation } from '../api/violation.ts';
import { amountOf } from './check-fields.ts';
import { selects } from './labels.ts';
import type { CheckInput, PolicyCheck, UsedVm } from './types.ts';

/** The checks of `spec.limits`: what the namespace has, and this pod on top. */
export function limitChecks({ limits, podSelector }: PolicySpec): readonly PolicyCheck[] {
  if (limits === undefined) return [];
  const most = { vms: limits.vms, vcpus: limits.vcpus, memory: bytesOf(limits.memory) };
  return [
    {
      needsWhole: true,
      run: (input) => {
        const used = totalOf(input.usage.filter(({ labels }) => selects(podSelector, labels)));
        return [
          ...over(input, 'VM pods', most.vms, { used: used.vms, needed: 1, format: String }),
          ...over(input, 'vCPUs', most.vcpus, { used: used.vcpus, needed: input.guest.vcpus, format: String }),
          ...over(input, 'guest RAM', most.memory, {
            used: used.memoryBytes,
            needed: input.guest.memoryBytes,
            format: (bytes) => formatBytes(bytes),
          }),
        ];
      },
    },
  ];
}

function bytesOf(text: string | undefined): number | undefined {
  const amount = amountOf(text);
  return amount === undefined ? undefined : Number(wholeUp(amount));
}

function totalOf(vms: readonly UsedVm[]): { readonly vms: number; readonly vcpus: number; readonly memoryBytes: number } {
  const sum = (of: (vm: UsedVm) => number) => vms.reduce((total, vm) => total + of(vm), 0);
  return { vms: vms.length, vcpus: sum(({ vcpus }) => vcpus), memoryBytes: sum(({ memoryBytes }) => memoryBytes) };
}

interface Count {
  readonly used: number;
  readonly needed: number;
  readonly format: (amount: number) => string;
}

function over({ namespace }: CheckInput, what: string, most: number | undefined, count: Count): readonly Violation[] {
  const { used, needed, format } = count;
  if (most === undefined || used + needed <= most) return [];
  const message = `has ${format(used)} of ${what}, this pod needs ${format(needed)}; allowed in the namespace: ${format(most)}; delete VMs or make them smaller`;
  return [{ field: 'metadata.namespace', value: namespace.name, message }];
}
