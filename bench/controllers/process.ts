/** The controllers as main.ts starts them, against the API server of the benchmark: bench/controllers/process.ts SERVER TOKEN CA-FILE */
import { readFileSync } from 'node:fs';
import { startControllers } from '../../controllers/service.ts';
import { createKubeClient } from '../../kube/http-client.ts';
import { realClock } from '../../runtime/clock.ts';
import { collectGarbage } from '../../runtime/garbage.ts';
import { createLog } from '../../runtime/log.ts';
import { createMetrics } from '../../runtime/metrics.ts';
import { realRandom } from '../../runtime/random.ts';

const [server = '', token = '', caFile = ''] = process.argv.slice(2);
const ca = readFileSync(caFile, 'utf8');
const client = createKubeClient({
  server,
  credentials: () => Promise.resolve({ ca, headers: { authorization: `Bearer ${token}` } }),
});
startControllers({
  client,
  clock: realClock,
  random: realRandom,
  log: createLog('controllers', 'warn'),
  metrics: createMetrics('controllers'),
  namespace: 'default',
  podName: 'bench',
  leaseMs: 30_000,
  policyStatusMs: 30_000,
  tidy: collectGarbage,
});
