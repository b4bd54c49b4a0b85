/** A server of bench/extender, in a process of its own: `ours NODES PODS CLAIMS` or `bare`. Talks to its parent by IPC. */
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
import { type ClusterSize, quietCluster } from './cluster.ts';

/** A reason as long as ours. */
const REASON = 'zone 0 has 1290 and zone 1 has 758 free 2Mi pages, guest needs 2048 in one zone';

/** What any extender must do: read the request, answer with all names, or a score for each. `?refuse=odd`: every second node with a reason. */
function bare(): express.Express {
  const app = express();
  app.disable('x-powered-by').disable('etag');
  app.use(express.json({ limit: '100mb' }));
  app.post(`${EXTENDER_PATH}/filter`, (request, response) => {
    const { NodeNames: names, Nodes } = request.body as { NodeNames: string[] | null; Nodes: object | null };
    const failed = Object.create(null) as Record<string, string>;
    const isRefused = (index: number): boolean => request.query['refuse'] === 'odd' && index % 2 === 1;
    const passed = names?.filter((name, index) => {
      if (isRefused(index)) failed[name] = REASON;
      return !isRefused(index);
    });
    response.json({ NodeNames: passed, Nodes, FailedNodes: {}, FailedAndUnresolvableNodes: failed, Error: '' });
  });
  app.post(`${EXTENDER_PATH}/prioritize`, (request, response) => {
    const { NodeNames, Nodes } = request.body as { NodeNames: string[] | null; Nodes: { items: Named[] } | null };
    const names = NodeNames ?? (Nodes?.items ?? []).map(({ metadata }) => metadata.name);
    response.json(names.map((Host) => ({ Host, Score: 5 })));
  });
  app.post(`${EXTENDER_PATH}/bind`, (_request, response) => void response.json({ Error: '' }));
  return app;
}

interface Named {
  readonly metadata: { readonly name: string };
}

async function ours(size: ClusterSize): Promise<express.Express> {
  const client = quietCluster(size);
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
  return createExtenderApp({
    knowledge,
    binder,
    preemption,
    decisions,
    log: silentLog,
    metrics,
    requestLimitMib: 10,
    scoreNodes: 'all',
  });
}

const [, , which = '', ...sizes] = process.argv;
const [nodes = 0, pods = 0, claims = 0] = sizes.map(Number);
const app = which === 'ours' ? await ours({ nodes, pods, claims }) : bare();
const server = createServer({ keepAlive: true, keepAliveTimeout: 300_000 }, app).listen(0, '127.0.0.1', () =>
  process.send?.({ port: (server.address() as AddressInfo).port }),
);
process.on('message', () => process.send?.({ cpu: process.cpuUsage(), rss: process.memoryUsage.rss() }));
process.on('disconnect', () => process.exit(0));
