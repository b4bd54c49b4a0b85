/** A server of bench/admission, in a process of its own so that its CPU time is its own: `ours POLICIES` or `bare ANSWER`. Talks to its parent by IPC. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { realClock } from '../../runtime/clock.ts';
import { SERVER_LIMITS } from '../../runtime/listen.ts';
import { createMetrics } from '../../runtime/metrics.ts';
import { silentLog } from '../../runtime/log.ts';
import { createAdmissionApp } from '../../webhooks/server/app.ts';
import { createAdmissionMetrics } from '../../webhooks/server/metrics.ts';
import { benchPolicies } from './policies.ts';

function bare(answer: string): express.Express {
  const app = express();
  app.disable('x-powered-by').disable('etag');
  app.use(express.json({ limit: '7mb' }), (_request, response) => void response.type('application/json').send(answer));
  return app;
}

function ours(policies: number): express.Express {
  const policing = benchPolicies(policies);
  return createAdmissionApp({
    ...(policing === undefined ? {} : { policies: policing }),
    launcherImage: 'localhost/podvisor/launcher:dev',
    accelerators: () => ({ kvm: false, tcg: true }),
    callers: 'anybody',
    clock: realClock,
    metrics: createAdmissionMetrics(createMetrics('webhook'), () => performance.now()),
    log: silentLog,
  });
}

const [, , which = '', argument = ''] = process.argv;
const app = which === 'ours' ? ours(Number(argument)) : bare(argument);
const server = createServer({ ...SERVER_LIMITS, keepAlive: true }, app).listen(0, '127.0.0.1', () =>
  process.send?.({ port: (server.address() as AddressInfo).port }),
);
process.on('message', () => process.send?.({ cpu: process.cpuUsage(), rss: process.memoryUsage.rss() }));
process.on('disconnect', () => process.exit(0));
