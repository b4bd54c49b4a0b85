import { Registry } from 'prom-client';
import request from 'supertest';
import { silentLog } from '../../../runtime/log.ts';
import { createExtenderMetrics } from '../../../scheduler-plugin/metrics.ts';
import type { NodeFacts } from '../../../scheduler-plugin/node-facts.ts';
import type { Knowledge } from '../../../scheduler-plugin/server.ts';
import { createExtenderApp } from '../../../scheduler-plugin/server.ts';

const offering: NodeFacts = { name: 'a', slots: { kvm: 0, tcg: 1 } };
const pod = { metadata: { name: 'vm', namespace: 'default' } };

function rig(change: Partial<Knowledge> = {}, requestLimitMib = 1) {
  const knowledge: Knowledge = {
    unready: () => '',
    node: (name) => (name === 'a' ? offering : undefined),
    vmsOn: () => 0,
    guest: () => ({ ok: true, guest: { accelerator: 'tcg' } }),
    catchUp: () => Promise.resolve(),
    ...change,
  };
  const metrics = createExtenderMetrics(new Registry());
  return request(createExtenderApp({ knowledge, metrics, log: silentLog, requestLimitMib }));
}

const ask = (verb: string, body: object, change: Partial<Knowledge> = {}) =>
  rig(change).post(`/podvisor-extender/${verb}`).send(body);

describe('filter', () => {
  it('passes the nodes that will do and says why of the others', async () => {
    const { status, body } = await ask('filter', { Pod: pod, NodeNames: ['a', 'b'], Nodes: null });
    expect(status).toBe(200);
    expect(body).toMatchObject({ NodeNames: ['a'], FailedAndUnresolvableNodes: { b: expect.stringContaining('not yet known') } });
  });

  it('looks a second time before it refuses, because its watch may be behind the scheduler', async () => {
    let arrived = false;
    const { body } = await ask(
      'filter',
      { Pod: pod, NodeNames: ['late'] },
      {
        node: () => (arrived ? offering : undefined),
        catchUp: () => {
          arrived = true;
          return Promise.resolve();
        },
      },
    );
    expect(body).toMatchObject({ NodeNames: ['late'] });
  });

  it('does not wait when every node passes', async () => {
    const catchUp = () => Promise.reject(new Error('not to be called'));
    const { body } = await ask('filter', { Pod: pod, NodeNames: ['a'] }, { catchUp });
    expect(body).toMatchObject({ NodeNames: ['a'], Error: '' });
  });

  it('fails the attempt, so that the scheduler comes back, while a cache is not filled', async () => {
    const { status, body } = await ask('filter', { Pod: pod, NodeNames: ['a'] }, { unready: () => 'nodes not read yet' });
    expect({ status, body }).toMatchObject({ status: 200, body: { Error: 'Podvisor scheduler extender: nodes not read yet' } });
  });

  it('answers a request it cannot understand with 200 and the reason', async () => {
    const { status, body } = await ask('filter', {});
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { Error: 'Podvisor scheduler extender: the request has no Pod' },
    });
  });

  it('answers what is not JSON with 200 and the reason', async () => {
    const { status, body } = await rig().post('/podvisor-extender/filter').type('application/json').send('{');
    expect({ status, body }).toMatchObject({ status: 200, body: { Error: expect.stringContaining('not readable') } });
  });

  it('answers what is too large with 200 and the option to change', async () => {
    const { status, body } = await rig()
      .post('/podvisor-extender/filter')
      .send({ Pod: { x: 'y'.repeat(2 << 20) } });
    expect({ status, body }).toMatchObject({ status: 200, body: { Error: expect.stringContaining('--request-limit-mib') } });
  });

  it('takes 5,000 names at the default limit', async () => {
    const names = Array.from({ length: 5000 }, (_, index) => `node-${index}.a-region.compute.internal`);
    const { body } = await rig({ node: () => offering }, 10)
      .post('/podvisor-extender/filter')
      .send({ Pod: pod, NodeNames: names });
    expect(body).toMatchObject({ NodeNames: names });
  });
});

describe('prioritize', () => {
  it('answers a bare list', async () => {
    const { body } = await ask('prioritize', { Pod: pod, NodeNames: ['a', 'b'] }, { vmsOn: (name) => (name === 'a' ? 2 : 0) });
    expect(body).toEqual([
      { Host: 'a', Score: 8 },
      { Host: 'b', Score: 10 },
    ]);
  });

  it('answers an empty list when it cannot understand the request', async () => {
    const { status, body } = await ask('prioritize', { Pod: pod });
    expect([status, body]).toEqual([200, []]);
  });

  it('answers an empty list to what is not JSON', async () => {
    const { status, body } = await rig().post('/podvisor-extender/prioritize').type('application/json').send('{');
    expect([status, body]).toEqual([200, []]);
  });
});

it('has no other verbs', async () => {
  expect((await ask('bind', { Pod: pod })).status).toBe(404);
});
