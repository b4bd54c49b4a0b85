import { gzipSync } from 'node:zlib';
import { Registry } from 'prom-client';
import request from 'supertest';
import { silentLog } from '../../../runtime/log.ts';
import type { BindOutcome } from '../../../scheduler-plugin/bind.ts';
import { createDecisions } from '../../../scheduler-plugin/decisions.ts';
import { createExtenderMetrics } from '../../../scheduler-plugin/metrics.ts';
import type { NodeFacts } from '../../../scheduler-plugin/node-facts.ts';
import { NO_VICTIMS } from '../../../scheduler-plugin/preemption/messages.ts';
import { createNodeNames } from '../../../scheduler-plugin/node-names.ts';
import type { Verdict } from '../../../scheduler-plugin/protocol.ts';
import type { Knowledge } from '../../../scheduler-plugin/server.ts';
import { createExtenderApp } from '../../../scheduler-plugin/server.ts';
import { node, wanted, world } from '../../build/placement.ts';

const offering: NodeFacts = node({ slots: { kvm: 0, tcg: 1 } });
const pod = { metadata: { name: 'vm', namespace: 'default', uid: 'uid-vm' } };
const BINDING = { PodName: 'vm', PodNamespace: 'default', PodUID: 'uid-vm', Node: 'a' };

function rig(change: Partial<Knowledge> = {}, requestLimitMib = 1, outcome: BindOutcome = { kind: 'bound' }) {
  const knowledge: Knowledge = {
    ...world({ node: (name) => (name === 'a' ? offering : undefined), ...change }),
    names: createNodeNames(),
    expire: () => 0,
    unready: () => '',
    guest: () => ({ ok: true, guest: wanted({ accelerator: 'tcg' }) }),
    catchUp: () => Promise.resolve(),
    storageWaits: () => '',
    promise: () => undefined,
    ...change,
  };
  const metrics = createExtenderMetrics(new Registry());
  const binder = { remember: () => undefined, bind: () => Promise.resolve(outcome) };
  const decisions = createDecisions(() => 0);
  const preemption = {
    answer: () => NO_VICTIMS,
    refused: (_pod: object, _guest: object, verdicts: readonly Verdict[]) => verdicts,
  };
  const parts = { knowledge, binder, preemption, decisions, metrics };
  const app = createExtenderApp({ ...parts, log: silentLog, requestLimitMib, scoreNodes: 'some' });
  return Object.assign(request(app), { decisions });
}

const ask = (verb: string, body: object, change: Partial<Knowledge> = {}) =>
  rig(change).post(`/podvisor-extender/${verb}`).send(body);

describe('filter of a VM with new disks', () => {
  const guest = wanted({ accelerator: 'tcg', volumeClaims: ['default/data'] });
  const body = { Pod: pod, NodeNames: ['a'] };

  it('that passes keeps its room on the nodes that passed', async () => {
    const promised: (readonly string[])[] = [];
    const promise = (_guest: unknown, nodes: readonly string[]): void => void promised.push(nodes);
    await ask('filter', { ...body, NodeNames: ['a', 'b'] }, { guest: () => ({ ok: true, guest }), promise });
    expect(promised).toEqual([['a']]);
  });

  it('that is refused for what is about to change fails, so that the scheduler comes back by itself', async () => {
    const change = { guest: () => ({ ok: true, guest }) as const, node: () => undefined, storageWaits: () => 'room is kept' };
    const answer = await ask('filter', body, change);
    expect(answer.body).toMatchObject({ Error: expect.stringContaining('room is kept'), NodeNames: null });
  });

  it('that is refused for good is refused', async () => {
    const answer = await ask('filter', body, { guest: () => ({ ok: true, guest }), node: () => undefined });
    expect(answer.body).toMatchObject({ Error: '', NodeNames: [] });
  });
});

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

  it('takes 5,000 names at the default limit, and tells the scheduler as many as it would score', async () => {
    const names = Array.from({ length: 5000 }, (_, index) => `node-${index}.a-region.compute.internal`);
    const { body } = await rig({ node: () => offering }, 10)
      .post('/podvisor-extender/filter')
      .send({ Pod: pod, NodeNames: names });
    const { NodeNames: told, Error: error } = body as { NodeNames: readonly string[]; Error: string };
    expect({ error, count: told.length }).toEqual({ error: '', count: 500 });
    expect(names).toEqual(expect.arrayContaining([...told]));
  });
});

describe('what Go writes, whose bytes are copied into the answer, is answered as any other JSON', () => {
  const nodes = ['a', 'b]}', 'c'];
  const all: Partial<Knowledge> = { node: () => offering, vmsOn: (name) => nodes.indexOf(name) * 11 };

  it.each([
    ['filter', 'of all nodes that pass', nodes, all],
    ['filter', 'of one that passes alone', ['b]}'], all],
    ['filter', 'of nodes of which some are refused', nodes, {}],
    ['prioritize', 'with scores of one and of two digits', nodes, all],
    ['prioritize', 'of one node', ['a'], all],
    ['prioritize', 'of none', [], all],
  ])('%s %s', async (verb, _what, NodeNames, change) => {
    const [fast, slow] = await Promise.all([
      ask(verb, { Pod: pod, Nodes: null, NodeNames }, change),
      ask(verb, { Pod: pod, NodeNames, Nodes: null }, change),
    ]);
    expect(fast.text).toBe(slow.text);
    expect(fast.headers['content-type']).toBe(slow.headers['content-type']);
  });

  it('and from the pod after it, when the same nodes are asked about', async () => {
    const agent = rig(all);
    const body = { Pod: pod, Nodes: null, NodeNames: nodes };
    for (const vm of ['one', 'other']) {
      const [filter, prioritize] = ['filter', 'prioritize'].map((verb) =>
        agent.post(`/podvisor-extender/${verb}`).send({ ...body, Pod: { metadata: { ...pod.metadata, name: vm } } }),
      );
      expect((await filter)?.body).toMatchObject({ NodeNames: nodes, FailedNodes: {}, Error: '' });
      expect((await prioritize)?.body).toEqual([
        { Host: 'a', Score: 10 },
        { Host: 'b]}', Score: 0 },
        { Host: 'c', Score: 0 },
      ]);
    }
  });
});

describe('whole nodes, whose bytes are copied into the answer, are answered as any other JSON', () => {
  const items = ['a', 'b', 'c'].map((name) => ({ metadata: { name, labels: { [name]: ']},"' } }, spec: {} }));

  it.each<[string, Partial<Knowledge>, readonly string[]]>([
    ['all of which pass', { node: () => offering }, ['a', 'b', 'c']],
    ['of which some are refused', {}, ['a']],
    ['of which all are refused', { node: () => undefined }, []],
  ])('%s', async (_what, change, passed) => {
    const [fast, slow] = await Promise.all([
      ask('filter', { Pod: pod, Nodes: { metadata: {}, items }, NodeNames: null }, change),
      ask('filter', { Nodes: { metadata: {}, items }, NodeNames: null, Pod: pod }, change),
    ]);
    expect(fast.body).toEqual(slow.body);
    expect(fast.body).toMatchObject({
      Nodes: { items: items.filter(({ metadata }) => passed.includes(metadata.name)) },
      Error: '',
    });
  });

  it('with their scores', async () => {
    const { body } = await ask(
      'prioritize',
      { Pod: pod, Nodes: { metadata: {}, items }, NodeNames: null },
      { node: () => offering },
    );
    expect(body).toEqual(items.map(({ metadata }) => ({ Host: metadata.name, Score: 10 })));
  });
});

describe('a body', () => {
  const text = JSON.stringify({ Pod: pod, Nodes: null, NodeNames: ['a'] });
  const post = () => rig().post('/podvisor-extender/filter').type('application/json');

  it('that is compressed is read', async () => {
    const zipped = post().set('content-encoding', 'gzip').serialize((body: unknown) => body as string); // prettier-ignore
    expect((await zipped.send(gzipSync(text))).body).toMatchObject({ NodeNames: ['a'] });
  });

  it('that does not say how long it is is read', async () => {
    const call = post();
    for (let at = 0; at < text.length; at += 20) call.write(text.slice(at, at + 20));
    expect((await call).body).toMatchObject({ NodeNames: ['a'] });
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

test('preempt answers what is not JSON with no victims', async () => {
  const { status, body } = await rig().post('/podvisor-extender/preempt').type('application/json').send('{');
  expect([status, body]).toEqual([200, { NodeNameToMetaVictims: {} }]);
});

describe('bind', () => {
  const bind = (outcome: BindOutcome, body: object = BINDING) => rig({}, 1, outcome).post('/podvisor-extender/bind').send(body);

  it.each<[string, BindOutcome, string]>([
    ['nothing when it is done', { kind: 'bound' }, ''],
    ['why not, and that it was another VM', { kind: 'conflict', reason: 'zone 0 has 0' }, 'Podvisor scheduler extender: the node was taken meanwhile: zone 0 has 0'],
    ['why not', { kind: 'failed', reason: 'no answer' }, 'Podvisor scheduler extender: no answer'],
  ])('says %s', async (_title, outcome, error) => {
    expect((await bind(outcome)).body).toEqual({ Error: error });
  }); // prettier-ignore

  it('says so when a part of the request is missing', async () => {
    expect((await bind({ kind: 'bound' }, { ...BINDING, Node: '' })).body).toEqual({ Error: 'Podvisor scheduler extender: the binding request is not whole' });
  }); // prettier-ignore
});

describe('decisions', () => {
  it('are kept for each pod: reasons by group, scores, and where it was bound', async () => {
    const agent = rig({
      vmsOn: (name) => (name === 'a' ? 2 : 0),
      node: (name) => (name === 'c' ? undefined : { ...offering, name }),
    });
    await agent.post('/podvisor-extender/filter').send({ Pod: pod, NodeNames: ['a', 'b', 'c'] });
    await agent.post('/podvisor-extender/prioritize').send({ Pod: pod, NodeNames: ['a', 'b'] });
    await agent.post('/podvisor-extender/bind').send(BINDING);
    expect(agent.decisions.get('default/vm')).toMatchObject({
      uid: 'uid-vm',
      at: '1970-01-01T00:00:00.000Z',
      guest: { accelerator: 'tcg' },
      passed: 2,
      refused: [{ reason: expect.stringContaining('not yet known'), count: 1, nodes: ['c'] }],
      scores: [
        { name: 'b', total: 10, parts: { spread: 10 } },
        { name: 'a', total: 8, parts: { spread: 8 } },
      ],
      bind: { node: 'a', reason: '' },
    });
  });

  it('are kept of pods alone that the scheduler asked about', () => {
    expect(rig().decisions.get('default/other')).toBeUndefined();
  });

  it('are not told to the scheduler', async () => {
    const agent = rig();
    await agent.post('/podvisor-extender/filter').send({ Pod: pod, NodeNames: ['a'] });
    expect((await agent.get('/explain/default/vm')).status).toBe(404);
  });
});

it('has no other verbs', async () => {
  expect((await ask('score', { Pod: pod })).status).toBe(404);
});
