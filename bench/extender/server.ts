/** A server of bench/extender, in a process of its own: `ours NODES PODS` or `bare`. Talks to its parent by IPC. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { Registry } from 'prom-client';
import { realClock } from '../../runtime/clock.ts';
import { silentLog } from '../../runtime/log.ts';
import { createBinder } from '../../scheduler-plugin/bind.ts';
import { createDecisions } from '../../scheduler-plugin/decisions.ts';
import { createKnowledge } from '../../scheduler-plugin/knowledge.ts';
import { createExtenderMetrics } from '../../scheduler-plugin/metrics.ts';
import { createPreemption } from '../../scheduler-plugin/preemption/preemption.ts';
import { createExtenderApp, EXTENDER_PATH } from '../../scheduler-plugin/server.ts';
import { quietCluster } from './cluster.ts';

/** What any extender must do: read the request, answer with all names, or a score for each. */
function bare(): express.Express {
  const app = express();
  app.disable('x-powered-by').disable('etag');
  app.use(express.json({ limit: '10mb' }));
  app.post(`${EXTENDER_PATH}/filter`, (request, response) => {
    const { NodeNames } = request.body as { NodeNames: string[] };
    response.json({ NodeNames, Nodes: null, FailedNodes: {}, FailedAndUnresolvableNodes: {}, Error: '' });
  });
  app.post(`${EXTENDER_PATH}/prioritize`, (request, response) => {
    const { NodeNames } = request.body as { NodeNames: string[] };
    response.json(NodeNames.map((Host) => ({ Host, Score: 5 })));
  });
  return app;
}

async function ours(nodes: number, pods: number): Promise<express.Express> {
  const client = quietCluster(nodes, pods);
  const knowledge = createKnowledge({ client, clock: realClock, random: Math.random, log: silentLog });
  knowledge.start();
  while (knowledge.unready() !== '') await realClock.sleep(10);
  const { ledger, trials } = knowledge;
  const binder = createBinder({
    client,
    clock: realClock,
    ledger,
    trials,
    world: knowledge,
    guest: (pod) => knowledge.guest(pod),
  });
  const metrics = createExtenderMetrics(new Registry(), knowledge.gauges);
  const decisions = createDecisions(() => realClock.now());
  const preemption = createPreemption({
    ...knowledge.preemption,
    ledger: knowledge.ledger,
    world: knowledge,
    clock: realClock,
    log: silentLog,
    guest: (pod) => knowledge.guest(pod),
    unready: () => knowledge.unready(),
    evictor: 'scheduler',
  });
  return createExtenderApp({ knowledge, binder, preemption, decisions, log: silentLog, metrics, requestLimitMib: 10 });
}

const [, , which = '', nodes = '', pods = ''] = process.argv;
const app = which === 'ours' ? await ours(Number(nodes), Number(pods)) : bare();
const server = createServer({ keepAlive: true }, app).listen(0, '127.0.0.1', () =>
  process.send?.({ port: (server.address() as AddressInfo).port }),
);
process.on('message', () => process.send?.({ cpu: process.cpuUsage(), rss: process.memoryUsage.rss() }));
process.on('disconnect', () => process.exit(0));
