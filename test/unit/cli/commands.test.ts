import { parseAllDocuments, stringify } from 'yaml';
import { runCommand } from '../../../cli/commands.ts';
import type { CommandResult } from '../../../cli/commands.ts';
import { readStoredGuest } from '../../../api/parse-stored.ts';
import type { Pod } from '../../../api/pod.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const SPEC = { containers: [{ name: 'guest', image: 'reg/vm:1', resources: { limits: { memory: '128Mi', cpu: 2 } } }] };
const VM = { labels: { 'podvisor.dev/vm': 'true' } };
const template = (spec: object = SPEC, metadata: object = VM): object => ({ metadata, spec });
const pod = (spec: object = SPEC, metadata: object = VM): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'vm', ...metadata },
  spec,
});
const workload = (kind: string, spec: object): object => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { name: 'web', namespace: 'shop' },
  spec,
});

const run = (words: readonly string[], text = ''): CommandResult => runCommand(words, { readFile: () => text, now: NOW });
const renderAll = (objects: readonly object[], ...flags: string[]): CommandResult =>
  run(['render', ...flags, 'file.yaml'], objects.map((object) => stringify(object)).join('---\n'));
const podsIn = ({ stdout }: CommandResult): Pod[] => parseAllDocuments(stdout).map((document) => document.toJS() as Pod);

test.each<[string, object, string]>([
  ['Pod', pod(), 'vm'],
  ['Deployment', workload('Deployment', { replicas: 2, template: template() }), 'web-0'],
  ['StatefulSet', workload('StatefulSet', { template: template() }), 'web-0'],
  ['DaemonSet', workload('DaemonSet', { template: template() }), 'web-0'],
  ['Job', workload('Job', { template: template({ ...SPEC, restartPolicy: 'Never' }) }), 'web-0'],
  [
    'CronJob',
    workload('CronJob', { jobTemplate: { spec: { template: template({ ...SPEC, restartPolicy: 'Never' }) } } }),
    'web-0',
  ],
  ['List', { apiVersion: 'v1', kind: 'List', items: [pod()] }, 'vm'],
])('the pod of a %s is shown as admitted, with its guest', (_, object, name) => {
  const result = renderAll([object]);
  expect(result).toMatchObject({ exitCode: 0, stderr: '' });
  const [admitted] = podsIn(result);
  expect(admitted?.metadata.name).toBe(name);
  expect(readStoredGuest(admitted!)).toMatchObject({ ok: true, guest: { vcpus: 2, memoryBytes: 128 * 1024 * 1024 } });
  expect(result.stdout).toContain('#   -m 128M');
});

test('the output is a YAML stream of pods and nothing else, whatever lies between them', () => {
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: {} };
  const result = renderAll([pod(), service, pod(SPEC, {}), pod()]);
  expect(podsIn(result).map(({ kind }) => kind)).toEqual(['Pod', 'Pod']);
  expect(result.stderr).toBe('Service web: not a VM, left alone\nPod vm: not a VM, left alone\n');
});

test('only the command lines, as a shell takes them', () => {
  const { stdout } = renderAll([pod()], '--output=argv');
  expect(stdout).toMatch(/^# Pod vm\nqemu-system-x86_64 \\\n {2}-name guest/);
  // A queue for each vCPU, as the node agent makes them.
  expect(stdout).toMatch(/-netdev tap,[^ ]*queues=2/);
  expect(stdout).toContain(` -blockdev '{"driver"`);
});

test('devices of the node are shown, with an address that stands for theirs', () => {
  const resources = { limits: { memory: '128Mi', 'example.com/gpu': 2 }, claims: [{ name: 'nvme' }] };
  const containers = [{ ...SPEC.containers[0], resources }];
  const annotations = { 'podvisor.dev/devices': 'example.com/gpu' };
  const { stdout } = renderAll([pod({ containers }, { ...VM, annotations })], '--output=argv');
  expect(stdout.match(/vfio-pci,id=host\d,host=0000:00:00.0,bus=port\d/g)).toHaveLength(3);
});

test('what the nodes offer decides the accelerator, and what they do not is a warning', () => {
  expect(renderAll([pod()]).stdout).toContain('-accel kvm');
  const emulated = renderAll([pod()], '--offers', 'tcg');
  expect(emulated.stdout).toContain('-accel tcg');
  expect(emulated).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('Pod vm: warning: ') });
});

describe('a pod that admission would refuse', () => {
  test.each<[string, object, RegExp]>([
    [
      'names an unknown annotation',
      pod(SPEC, { ...VM, annotations: { 'podvisor.dev/bot': 'disk' } }),
      /podvisor\.dev\/bot.*podvisor\.dev\/boot/,
    ],
    [
      'has a label of another value',
      pod(SPEC, { labels: { 'podvisor.dev/vm': 'yes' } }),
      /metadata\.labels\[podvisor\.dev\/vm\]: "yes"/,
    ],
    ['has no memory', pod({ containers: [{ name: 'guest', image: 'x' }] }), /memory/],
    ['has no containers', pod({}), /spec\.containers: must be a list/],
    [
      'is a template without spec',
      workload('Deployment', { template: {} }),
      /Deployment web: refused: spec\.template\.spec: is missing/,
    ],
    ['is a workload without template', workload('Job', {}), /Job web: refused: spec\.template: is missing/],
    [
      'has a number for an annotation',
      pod(SPEC, { ...VM, annotations: { 'podvisor.dev/vcpus': 2 } }),
      /metadata\.annotations: must be texts by name; put numbers and true\/false in quotes/,
    ],
  ])('%s: exit code 1, field and reason on stderr, nothing on stdout', (_, object, reason) => {
    const result = renderAll([object]);
    expect(result).toMatchObject({ exitCode: 1, stdout: '' });
    expect(result.stderr).toMatch(reason);
  });

  test('all reasons at once, and the other pods all the same', () => {
    const annotations = { 'podvisor.dev/nothing': 'x', 'podvisor.dev/accelerator': 'magic' };
    const result = renderAll([pod(SPEC, { ...VM, annotations }), pod()]);
    expect(result.stderr.trim().split('\n')).toHaveLength(2);
    expect(podsIn(result)).toHaveLength(1);
    expect(result.exitCode).toBe(1);
  });
});

describe('a command line that cannot be carried out exits with 64 and says why', () => {
  test.each<[string, readonly string[], string, RegExp]>([
    ['no command', [], '', /a command is missing/],
    ['an unknown command', ['rendr', 'x'], '', /unknown command "rendr"; did you mean render\?/],
    ['no file', ['render'], '', /needs a FILE/],
    ['an unknown flag', ['render', '--polcy=x', 'f'], '', /--polcy/],
    ['an unknown output', ['render', '--output=xml', 'f'], '', /--output is "xml"; allowed: yaml, argv/],
    ['an unknown accelerator', ['render', '--offers=xen', 'f'], '', /--offers is "xen"; allowed: kvm, tcg/],
    ['no YAML', ['render', 'f'], 'a: [', /f: .*line 1/],
    ['no object', ['render', 'f'], '- 1', /f: not a Kubernetes object/],
    ['a YAML bomb', ['render', 'f'], bomb(), /f: .*[Aa]lias/],
  ])('%s', (_, words, text, reason) => {
    const result = run(words, text);
    expect(result).toMatchObject({ exitCode: 64, stdout: '' });
    expect(result.stderr).toMatch(reason);
  });

  test('a file that is not there', () => {
    const readFile = (): string => {
      throw new Error('ENOENT: no such file');
    };
    const result = runCommand(['render', 'nowhere'], { now: NOW, readFile });
    expect(result).toEqual({ exitCode: 64, stdout: '', stderr: 'podvisor: cannot read nowhere: ENOENT: no such file\n' });
  });
});

test('help and version', () => {
  expect(run(['--help'])).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('podvisor render') });
  expect(run(['--version']).stdout).toMatch(/^podvisor \S+\n$/);
});

/** Nine levels of nine: a billion laughs. */
function bomb(): string {
  const levels = Array.from({ length: 9 }, (_, level) => {
    const item = level === 0 ? 'lol' : `*l${level - 1}`;
    return `l${level}: &l${level} [${Array.from({ length: 9 }, () => item).join(',')}]`;
  });
  return ['kind: Pod', ...levels].join('\n');
}

describe('networks', () => {
  const networked = pod(SPEC, { ...VM, annotations: { 'k8s.v1.cni.cncf.io/networks': 'lan' } });
  const lan = (type: string): object => ({
    apiVersion: 'k8s.cni.cncf.io/v1',
    kind: 'NetworkAttachmentDefinition',
    metadata: { name: 'lan' },
    spec: { config: JSON.stringify({ type }) },
  });

  test('that are not among the manifests are taken for bridges, with a warning', () => {
    const result = renderAll([networked]);
    expect(result).toMatchObject({ exitCode: 0, stderr: expect.stringContaining("'default/lan' is not among the manifests") });
    expect(readStoredGuest(podsIn(result)[0]!)).toMatchObject({ ok: true, guest: { networks: [{}, { binding: 'bridge' }] } });
  });

  test('of the manifests are what they are', () => {
    expect(renderAll([lan('bridge'), networked])).toMatchObject({ exitCode: 0 });
    expect(renderAll([lan('ipvlan'), networked])).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('ipvlan') });
  });
});
