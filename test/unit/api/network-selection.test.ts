import fc from 'fast-check';
import { readSelections, type Selection, withMacs } from '../../../api/network-selection.ts';

const selection = (name: string, fields: Partial<Selection> = {}): Selection => ({
  name,
  namespace: '',
  interface: '',
  mac: '',
  ...fields,
});

describe('what Multus reads is read', () => {
  it.each<[string, Selection[]]>([
    ['lan', [selection('lan')]],
    [' lan , other/lan@lan0 ', [selection('lan'), selection('lan', { namespace: 'other', interface: 'lan0' })]],
    ['other / lan @ lan0', [selection('lan', { namespace: 'other', interface: 'lan0' })]],
    ['lan@', [selection('lan')]],
    ['/lan', [selection('lan')]],
    ['[]', []],
    [' [ { "name" : "a.b" } ] ', [selection('a.b')]],
    ['[{"name":"a","namespace":"n","interface":"x0"}]', [selection('a', { namespace: 'n', interface: 'x0' })]],
    ['[{"name":"a","interfaceRequest":"x0"}]', [selection('a', { interface: 'x0' })]],
    ['[{"Name":"a","MAC":"02-00-00-AA-00-05"}]', [selection('a', { mac: '02:00:00:aa:00:05' })]],
    ['[{"name":"a","mac":"0200.00aa.0005"}]', [selection('a', { mac: '02:00:00:aa:00:05' })]],
    ['[{"name":"a","mac":null,"ips":null,"namespace":null}]', [selection('a')]],
    [
      '[{"name":"a","ips":["10.0.0.1/24","fd00::5","::ffff:1.2.3.4/128"],"default-route":["10.0.0.1"],"portMappings":[{"hostPort":1}],"bandwidth":{"ingressRate":5},"cni-args":{"any":[1]},"deviceID":"0000:01:00.2","infiniband-guid":"","future":{"x":[{}]}}]',
      [selection('a')],
    ],
  ])('%s', (text, selections) => expect(readSelections(text)).toEqual({ ok: true, selections }));
});

describe('what Multus would refuse when the pod starts is refused at once', () => {
  it.each<[string, string]>([
    ['a/b/c', 'cannot be read; allowed:'],
    ['a,b@c@d', 'cannot be read (entry 2)'],
    ['a,', 'cannot be read (entry 2)'],
    ['  ', 'cannot be read'],
    ['Upper', 'cannot be read'],
    ['a.b', 'cannot be read'],
    ['a@x/y', 'cannot be read'],
    ['[{', 'cannot be read as JSON'],
    ['"a"', 'cannot be read as JSON'],
    ['{"name":"a"}', 'cannot be read as JSON'],
    ['[null]', 'an element is no object'],
    ['["a"]', 'an element is no object'],
    ['[{"name":"a"},{"namespace":"x"}]', "(entry 2): 'name' is missing"],
    ['[{"name":5}]', "'name' must be a text"],
    ['[{"name":"a","NAME":"b"}]', "'name' is there twice"],
    ['[{"name":"a","ips":"10.0.0.1"}]', "'ips' must be a list of IP addresses"],
    ['[{"name":"a","ips":["10.0.0.256"]}]', "'ips' must be a list of IP addresses"],
    ['[{"name":"a","ips":["10.0.0.1/33"]}]', "'ips' must be a list of IP addresses"],
    ['[{"name":"a","ips":["fe80::1%eth0"]}]', "'ips' must be a list of IP addresses"],
    ['[{"name":"a","ips":["1:2:3:4:5:6:7:8:9"]}]', "'ips' must be a list of IP addresses"],
    ['[{"name":"a","bandwidth":[]}]', "'bandwidth' must be an object"],
    ['[{"name":"a","cni-args":"x"}]', "'cni-args' must be an object"],
    ['[{"name":"a","mac":"02:00"}]', 'it must be a unicast address of six octets'],
    ['[{"name":"a","mac":"01:00:00:00:00:05"}]', 'it must be a unicast address of six octets'],
    ['[{"name":"a","mac":"00:00:00:00:00:00"}]', 'it must be a unicast address of six octets'],
  ])('%s', (text, reason) => {
    const read = readSelections(text);
    expect(read.ok ? 'accepted' : read.reason).toContain(reason);
  });
});

const MACS = ['02:00:00:00:00:01', '02:00:00:00:00:02', '02:00:00:00:00:03'];

describe('withMacs', () => {
  it.each<[string, string, string]>([
    ['the short form becomes JSON', 'a, n/b@x0', `[{"name":"a","mac":"${MACS[0]!}"},{"name":"b","namespace":"n","interface":"x0","mac":"${MACS[1]!}"}]`],
    ['JSON stays as it was written', '[ {"name" : "a", "x": 1e2} ]', `[ {"name" : "a", "x": 1e2,"mac":"${MACS[0]!}"} ]`],
    ['an address the user asked for wins', '[{"name":"a","mac":"02-00-00-00-00-09"},{"name":"b"}]', `[{"name":"a","mac":"02-00-00-00-00-09"},{"name":"b","mac":"${MACS[1]!}"}]`],
    ['an empty address is none', '[{"mac":"","name":"a"}]', `[{"mac":"","name":"a","mac":"${MACS[0]!}"}]`],
    ['braces in texts and objects inside are no elements', '[{"name":"a","cni-args":{"t":"}]\\"{"}}]', `[{"name":"a","cni-args":{"t":"}]\\"{"},"mac":"${MACS[0]!}"}]`],
    ['nothing asked for', '[]', '[]'],
    ['nothing anybody could read', '[{', '[{'],
  ])('%s', (_, text, expected) => expect(withMacs(text, MACS)).toBe(expected)); // prettier-ignore

  it('adds nothing where there is nothing to add', () => expect(withMacs('a,b', [undefined, undefined])).toBe('a,b'));
});

const name = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const short = fc
  .array(fc.tuple(maybe(name), name, maybe(name), fc.stringMatching(/^ {0,2}$/)), { minLength: 1, maxLength: 4 })
  .map((entries) =>
    entries
      .map(([namespace, one, nic, pad]) => `${pad}${namespace === undefined ? '' : `${namespace}/`}${one}${nic === undefined ? '' : `@${nic}`}${pad}`)
      .join(','),
  ); // prettier-ignore
const element = fc.record(
  {
    name,
    namespace: name,
    interface: name,
    mac: fc.constantFrom('', '02:aa:00:00:00:01', '02-AA-00-00-00-02'),
    ips: fc.array(fc.oneof(fc.ipV4(), fc.constant('fd00::1/64'))),
    'cni-args': fc.dictionary(fc.string(), fc.jsonValue()),
    'x-future': fc.jsonValue(),
  },
  { requiredKeys: ['name'] },
);
const json = fc
  .tuple(fc.array(element, { maxLength: 4 }), fc.constantFrom(undefined, 1, '\t'))
  .map(([list, indent]) => JSON.stringify(list, undefined, indent));

describe('any annotation that is accepted, with addresses added', () => {
  const macs = Array.from({ length: 4 }, (_, index) => `02:00:00:00:01:0${index}`);

  it('asks for the same networks, each with an address, and again gives itself', () => {
    fc.assert(
      fc.property(fc.oneof(short, json), (text) => {
        const before = readSelections(text);
        const after = readSelections(withMacs(text, macs));
        if (!before.ok || !after.ok) throw new Error(`refused: ${text}`);
        expect(after.selections).toEqual(before.selections.map((one, index) => ({ ...one, mac: one.mac || macs[index] })));
        expect(withMacs(withMacs(text, macs), ['02:ff:ff:ff:ff:ff'])).toBe(withMacs(text, macs));
      }),
    );
  });

  it('keeps every field of JSON that nobody here knows', () => {
    fc.assert(
      fc.property(json, (text) => {
        const fields = (one: string) => (JSON.parse(one) as object[]).map((each) => ({ ...each, mac: undefined }));
        expect(fields(withMacs(text, macs))).toEqual(fields(text));
      }),
    );
  });

  it('never throws, whatever it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        const read = readSelections(text);
        if (!read.ok) expect(withMacs(text, macs)).toBe(text);
      }),
    );
  });
});
