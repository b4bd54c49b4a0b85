import type { Accelerator } from '../../api/guest-spec.ts';
import type { AgentParts } from '../agent.ts';
import type { PodResources } from '../pod-resources.ts';
import type { Processes } from '../proc.ts';
import type { Slots } from '../slots.ts';
import { createReportMetrics } from './metrics.ts';
import { createReader, numaStatReader } from './reader.ts';
import { keepReported, type NodeReporter } from './report.ts';
import { runningVms } from './running-vms.ts';
import { treeAt } from './tree.ts';
import { createReportWriter } from './writer.ts';

/** What the report is made from, besides the node itself. */
export interface ReportSources {
  readonly slots: Pick<Slots, 'states'>;
  readonly resources: Pick<PodResources, 'facts'>;
  readonly processes: Pick<Processes, 'isAlive'>;
  readonly accelerator: Promise<Accelerator>;
}

/** Keeps the NodeReport of this node. */
export function startReport(parts: AgentParts, { slots, resources, processes, accelerator }: ReportSources): NodeReporter {
  const { options, client, clock, random, log, run, shutdown } = parts;
  const proc = treeAt('/proc');
  const reader = createReader({
    nodeName: options.nodeName,
    networks: options.physicalNetworks,
    sys: treeAt(options.sysfs),
    ...{ proc, resources, clock, log, run, accelerator },
    numaStat: numaStatReader(proc, options.cgroupRoot),
    vms: () => runningVms(slots.states(), (launcher) => processes.isAlive(launcher)),
  });
  const writer = createReportWriter(client, options.nodeName);
  const metrics = createReportMetrics(parts.metrics, () => clock.now());
  const reporter = keepReported({ reader, writer, clock, random, log, metrics });
  shutdown.onClose('report', () => reporter.close());
  return reporter;
}
