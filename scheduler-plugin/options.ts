import { choiceOption, defineOptions, integerOption, textOption } from '../runtime/config.ts';
import type { OptionValues } from '../runtime/config.ts';
import { LOG_LEVELS } from '../runtime/log.ts';
import type { ScoreNodes } from './shortlist.ts';

const port = { min: 0, max: 65535 };

/** See the option. */
const PREEMPTION = ['extender', 'scheduler', 'off'] as const;

/** See the option. */
const SCORE_NODES = ['some', 'all'] as const satisfies readonly ScoreNodes[];

/** Options of the extender process. */
export const EXTENDER_OPTIONS = defineOptions({
  program: 'extender',
  summary: "Podvisor's part of the scheduler: which nodes can run a VM pod, and which of them best",
  options: {
    host: textOption({ doc: 'Address to serve the scheduler on; loopback when it is in the same pod', default: '127.0.0.1' }),
    port: integerOption({ doc: 'Port to serve the scheduler on; 0 = any free one', default: 9443, ...port }),
    explainPort: integerOption({
      doc: 'Port, on the same address, where people read decisions by their own rights; 0 = any free one',
      default: 9444,
      ...port,
    }),
    healthPort: integerOption({ doc: 'Port of /healthz, /readyz, /metrics and /version', default: 8081, ...port }),
    certificateDir: textOption({
      doc: 'Where the certificates of both sides are written, and found again after a restart; shared with the scheduler',
      default: '/run/podvisor-extender',
    }),
    serverNames: textOption({
      doc: 'Names and addresses, separated by commas, that the scheduler may dial; in the server certificate',
      default: '127.0.0.1,localhost',
    }),
    requestLimitMib: integerOption({
      doc: 'Largest request in MiB; 10 is plenty for node names, without nodeCacheCapable count 20 KiB a node',
      default: 10,
      min: 1,
      max: 512,
    }),
    linstorUrl: textOption({
      doc: "LINSTOR controller's REST API, such as http://linstor-controller.piraeus-datastore:3370; empty = LINSTOR is not asked where volumes are",
      default: '',
    }),
    linstorPollSeconds: integerOption({
      doc: 'Pause between two questions to LINSTOR, in seconds',
      default: 10,
      min: 1,
      max: 120,
    }),
    preemption: choiceOption(PREEMPTION, {
      doc: 'Who evicts VMs of lower priority where zones or functions alone are lacking: the extender; the scheduler, from the version on that asks about such nodes (kubernetes#135486); or nobody',
      default: 'extender',
    }),
    scoreNodes: choiceOption(SCORE_NODES, {
      doc: 'Of the nodes that pass, those the scheduler is told: as many as it scores by default in a cluster of that size, half of them the best; or all of them, as is needed when another extender filters after this one',
      default: 'some',
    }),
    schedulerLease: textOption({
      doc: 'Lease of the scheduler, as namespace/name: of several replicas, the extender beside its holder tells running VMs of better nodes',
      default: 'podvisor-system/podvisor-scheduler',
    }),
    hintIntervalSeconds: integerOption({
      doc: 'Pause between two looks for running VMs that another node would be clearly better for, in seconds',
      default: 300,
      min: 1,
      max: 86_400,
    }),
    logLevel: choiceOption(LOG_LEVELS, { doc: 'Least important lines to log', default: 'info' }),
    kubeconfig: textOption({ doc: 'A kubeconfig; empty = the service account of this pod', default: '' }),
  },
});

export type ExtenderOptions = OptionValues<typeof EXTENDER_OPTIONS.options>;
