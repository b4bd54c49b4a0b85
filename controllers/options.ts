import { choiceOption, defineOptions, durationOption, integerOption, textOption } from '../runtime/config.ts';
import { LOG_LEVELS } from '../runtime/log.ts';
import { SYSTEM_NAMESPACE } from '../api/names.ts';

/** Options of the controllers process. */
export const CONTROLLERS_OPTIONS = defineOptions({
  program: 'controllers',
  summary: 'What Podvisor reports about VM pods: MAC collisions, policy status',
  options: {
    healthPort: integerOption({
      doc: 'Port of /healthz, /readyz, /metrics and /version; 0 = any free one',
      default: 8081,
      min: 0,
      max: 65535,
    }),
    namespace: textOption({ doc: "Namespace of the replicas' Lease", default: SYSTEM_NAMESPACE }),
    podName: textOption({ doc: 'Name of this replica, unique among them; the name of its pod' }),
    leaseDuration: durationOption({
      doc: 'How long the other replicas wait for one that holds the Lease and is silent',
      default: '30s',
    }),
    policyStatusInterval: durationOption({ doc: "Shortest time between two writes of one policy's status", default: '30s' }),
    logLevel: choiceOption(LOG_LEVELS, { doc: 'Least important lines to log', default: 'info' }),
    kubeconfig: textOption({ doc: 'A kubeconfig; empty = the service account of this pod', default: '' }),
  },
});
