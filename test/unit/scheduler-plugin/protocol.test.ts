import { decodeRequest, errorReply, filterReply } from '../../../scheduler-plugin/protocol.ts';

const pod = { metadata: { name: 'vm', namespace: 'default' } };

describe('decodeRequest', () => {
  it('reads names when the scheduler caches nodes (the other list is an explicit null)', () => {
    expect(decodeRequest({ Pod: pod, Nodes: null, NodeNames: ['a', 'b'] })).toEqual({
      ok: true,
      request: { pod, names: ['a', 'b'] },
    });
  });

  it('reads whole nodes when it does not', () => {
    const node = { metadata: { name: 'a' }, status: {} };
    expect(decodeRequest({ Pod: pod, Nodes: { items: [node] }, NodeNames: null })).toEqual({
      ok: true,
      request: { pod, names: ['a'], objects: [node] },
    });
  });

  it.each([
    ['no body', undefined, /not a JSON object/],
    ['a list', [], /not a JSON object/],
    ['lower-case names, which Go does not send', { pod, nodenames: ['a'] }, /no Pod/],
    ['neither list', { Pod: pod, Nodes: null, NodeNames: null }, /neither NodeNames nor Nodes/],
    ['a number among the names', { Pod: pod, NodeNames: ['a', 1] }, /not a string/],
    ['a node without a name', { Pod: pod, Nodes: { items: [{ metadata: {} }] } }, /without a name/],
    ['a null among the nodes', { Pod: pod, Nodes: { items: [null] } }, /without a name/],
  ])('says what is wrong with %s', (_title, body, reason) => {
    expect(decodeRequest(body)).toEqual({ ok: false, reason: expect.stringMatching(reason) });
  });
});

describe('filterReply', () => {
  const names = ['a', 'b'];
  const objects = names.map((name) => ({ metadata: { name } }));
  const verdicts = [
    { name: 'a', reason: '' },
    { name: 'b', reason: 'too small' },
  ];

  it('answers names with names and puts every refused node with its reason into a failed map', () => {
    expect(filterReply({ pod, names }, verdicts)).toEqual({
      NodeNames: ['a'],
      Nodes: null,
      FailedNodes: {},
      FailedAndUnresolvableNodes: { b: 'too small' },
      Error: '',
    });
  });

  it('answers objects with objects', () => {
    expect(filterReply({ pod, names, objects }, verdicts)).toMatchObject({
      NodeNames: null,
      Nodes: { items: [{ metadata: { name: 'a' } }] },
    });
  });

  it('sends an empty list, not null, when nothing passes', () => {
    expect(filterReply({ pod, names: [] }, []).NodeNames).toEqual([]);
  });
});

it('an error names Podvisor', () => {
  expect(errorReply('cache is cold').Error).toBe('Podvisor scheduler extender: cache is cold');
});
