import {
  booleanOption,
  choiceOption,
  defineOptions,
  durationOption,
  helpText,
  inClusterServer,
  integerOption,
  readOptions,
  textOption,
  type OptionSources,
} from '../../../runtime/config.ts';

const DEFINITION = defineOptions({
  program: 'podvisor-test',
  summary: 'an example',
  options: {
    port: integerOption({ doc: 'Port.', default: 8443, min: 1, max: 65535 }),
    logLevel: choiceOption(['debug', 'info'], { doc: 'How much to say.', default: 'info' }),
    drain: durationOption({ doc: 'Drain time.', default: '5s' }),
    verbose: booleanOption({ doc: 'Say more.', default: false }),
    node: textOption({ doc: 'Node name.', default: '' }),
  },
});

const read = (sources: Partial<OptionSources>): unknown =>
  readOptions(DEFINITION, { argv: [], env: {}, readFile: () => '{}', ...sources });
const file = (text: string): Partial<OptionSources> => ({ argv: ['--config', '/etc/x.json'], readFile: () => text });

describe('readOptions', () => {
  it.each<[string, Partial<OptionSources>, object]>([
    ['takes defaults when nothing is given', {}, { port: 8443, logLevel: 'info', drain: 5000, verbose: false, node: '' }],
    ['takes a flag with =', { argv: ['--port=1'] }, { port: 1 }],
    ['takes a flag with its value as next word', { argv: ['--log-level', 'debug'] }, { logLevel: 'debug' }],
    ['takes a switch alone', { argv: ['--verbose', '--port=2'] }, { verbose: true, port: 2 }],
    ['takes a switch with a value', { argv: ['--verbose=false'] }, { verbose: false }],
    ['takes the environment', { env: { PODVISOR_LOG_LEVEL: 'debug' } }, { logLevel: 'debug' }],
    ['lets a flag win over the environment', { argv: ['--port=1'], env: { PODVISOR_PORT: '2' } }, { port: 1 }],
    ['takes the file', file('{"drain":"2m","port":7,"verbose":true}'), { drain: 120_000, port: 7, verbose: true }],
    ['lets the environment win over the file', { ...file('{"port":7}'), env: { PODVISOR_PORT: '2' } }, { port: 2 }],
    ['finds the file by environment', { env: { PODVISOR_CONFIG: '/x' }, readFile: () => '{"port":9}' }, { port: 9 }],
    ['takes an empty text', { argv: ['--node='] }, { node: '' }],
    ['does not mind foreign PODVISOR_ variables', { env: { PODVISOR_WEBHOOK_SERVICE_HOST: '10.96.0.3' } }, { port: 8443 }],
  ])('%s', (_, sources, expected) => expect(read(sources)).toMatchObject(expected));

  it.each<[string, Partial<OptionSources>, string]>([
    ['an unknown flag', { argv: ['--prot=1'] }, 'unknown flag --prot; did you mean --port? (--help lists all)'],
    ['an unknown flag near nothing', { argv: ['--zzzzzzzz'] }, 'unknown flag --zzzzzzzz (--help lists all)'],
    ['a word that is no flag', { argv: ['run'] }, '"run" is not a flag; flags are written --name=value (--help lists them)'],
    ['a flag without its value', { argv: ['--port'] }, '--port needs a value: an integer from 1 to 65535'],
    [
      'a port too large',
      { argv: ['--port=70000'] },
      '--port is "70000" (from the command line); allowed: an integer from 1 to 65535',
    ],
    ['a number with junk', { argv: ['--port=1e3'] }, '--port is "1e3" (from the command line)'],
    [
      'a Service link as value',
      { env: { PODVISOR_PORT: 'tcp://1.2.3.4:5' } },
      '--port is "tcp://1.2.3.4:5" (from environment variable PODVISOR_PORT)',
    ],
    ['a wrong word', { argv: ['--log-level=loud'] }, 'allowed: one of debug, info'],
    ['a time without unit', { argv: ['--drain=5'] }, 'allowed: a time span such as 500ms, 10s, 5m or 2h'],
    ['a switch that is neither', { argv: ['--verbose=maybe'] }, 'allowed: true or false'],
    ['a switch from the prototype', { argv: ['--verbose=constructor'] }, 'allowed: true or false'],
    ['an unknown key in the file', file('{"prot":1}'), 'unknown key "prot" in /etc/x.json; did you mean port?'],
    ['a nested value in the file', file('{"port":{}}'), '"port" in /etc/x.json must be text, a number, true or false'],
    ['a file that is no object', file('[]'), 'config file /etc/x.json must be one JSON object'],
    ['a file that is no JSON', file('port: 1'), 'cannot read config file /etc/x.json'],
  ])('refuses %s', (_, sources, message) => expect(() => read(sources)).toThrow(message));

  it('demands an option without default', () => {
    const definition = defineOptions({
      program: 'p',
      summary: 's',
      options: { nodeName: textOption({ doc: 'Name of this node.' }) },
    });
    const run = (): unknown => readOptions(definition, { argv: [], env: {}, readFile: () => '{}' });
    expect(run).toThrow('--node-name is required (or PODVISOR_NODE_NAME): Name of this node.');
  });

  it('refuses a default that is no time span', () => {
    expect(() => durationOption({ doc: '', default: '5' })).toThrow('not a time span');
  });
});

it('helpText names every option with its allowed values, default and other names', () => {
  const text = helpText(DEFINITION);
  expect(text).toContain('podvisor-test dev: an example');
  expect(text).toContain(
    '--log-level\n      How much to say.\n      one of debug, info; default: info; env PODVISOR_LOG_LEVEL; file key logLevel',
  );
  expect(text).toContain("default: ''");
});

it.each([
  [{}, undefined],
  [{ KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '6443' }, 'https://10.96.0.1:6443'],
  [{ KUBERNETES_SERVICE_HOST: 'fd00::1' }, 'https://[fd00::1]:443'],
])('inClusterServer(%j) is %s', (env, expected) => expect(inClusterServer(env)).toBe(expected));
