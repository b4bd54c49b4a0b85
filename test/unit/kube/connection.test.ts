import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, connectInCluster, connectKubeconfig } from '../../../kube/connection.ts';
import { createFakeClock } from '../../build/fake-clock.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'podvisor-connection-'));
});
afterEach(() => rm(directory, { recursive: true }));

const mount = async (token: string): Promise<void> => {
  await writeFile(join(directory, 'ca.crt'), 'CA');
  await writeFile(join(directory, 'token'), `${token}\n`);
};

it('in-cluster: remembers the token for a minute, reads it again then, and at once when asked to', async () => {
  const clock = createFakeClock();
  const connection = connectInCluster({ clock, server: 'https://10.96.0.1:443', directory });
  const token = async (refresh?: boolean): Promise<unknown> => (await connection.credentials(refresh)).headers['authorization'];
  await mount('one');
  expect(await connection.credentials()).toEqual({ ca: 'CA', headers: { authorization: 'Bearer one' } });
  await mount('two');
  await clock.advance(59_999);
  expect(await token()).toBe('Bearer one');
  await clock.advance(1);
  expect(await token()).toBe('Bearer two');
  await mount('three');
  expect(await token(true)).toBe('Bearer three');
});

it('in-cluster: names the directory that cannot be read', async () => {
  const connection = connectInCluster({ clock: createFakeClock(), server: 'https://x', directory });
  await expect(connection.credentials()).rejects.toThrow(`cannot read the service account in ${directory}`);
});

it('outside a pod and without a kubeconfig: says what to give', async () => {
  await expect(connect('', createFakeClock())).rejects.toThrow('give a kubeconfig with --kubeconfig');
});

describe('kubeconfig', () => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const write = async (user: object, cluster: object = {}): Promise<string> => {
    const config = {
      'current-context': 'c',
      clusters: [
        { name: 'k', cluster: { server: 'https://example:6443/', 'certificate-authority-data': base64('CA'), ...cluster } },
      ],
      users: [{ name: 'u', user }],
      contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
    };
    const path = join(directory, 'config');
    await writeFile(path, JSON.stringify(config));
    return path;
  };

  it.each<[string, object, object]>([
    ['a token', { token: 't' }, { ca: 'CA', headers: { authorization: 'Bearer t' } }],
    [
      'a client certificate',
      { 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') },
      { ca: 'CA', cert: 'CERT', key: 'KEY', headers: {} },
    ],
    ['user and password', { username: 'a', password: 'b' }, { headers: { authorization: `Basic ${base64('a:b')}` } }],
    ['impersonation', { token: 't', as: 'other' }, { headers: { authorization: 'Bearer t', 'impersonate-user': 'other' } }],
  ])('%s', async (_, user, expected) => {
    const connection = await connectKubeconfig(await write(user));
    expect(connection.server).toBe('https://example:6443');
    expect(await connection.credentials()).toMatchObject(expected);
  });

  it('server name and insecure-skip-tls-verify', async () => {
    const path = await write({ token: 't' }, { 'tls-server-name': 'kubernetes', 'insecure-skip-tls-verify': true });
    expect(await connectKubeconfig(path)).toMatchObject({ serverName: 'kubernetes', insecure: true });
  });

  it.each([
    ['is missing', 'missing', undefined, 'cannot read kubeconfig'],
    ['has no context', 'empty', '{}', 'has no current context with a cluster'],
  ])('that %s is named', async (_, name, text, message) => {
    const path = join(directory, name);
    if (text !== undefined) await writeFile(path, text);
    await expect(connectKubeconfig(path)).rejects.toThrow(message);
  });
});
