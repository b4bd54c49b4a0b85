import { get as httpGet } from 'node:http';
import { Agent, get as httpsGet, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { CertificateSource, KeyPair } from '../../../runtime/certificate.ts';
import { startHealthServer, startHttps, type HttpsOptions } from '../../../runtime/http.ts';
import type { RunningServer } from '../../../runtime/listen.ts';
import { silentLog } from '../../../runtime/log.ts';
import { createMetrics } from '../../../runtime/metrics.ts';
import { createTestCa, type TestCa } from '../../build/tls.ts';

interface Answer {
  readonly status: number | undefined;
  readonly body: string;
  readonly response: IncomingMessage;
}

const collect = async (response: IncomingMessage): Promise<Answer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode, body: Buffer.concat(chunks).toString(), response };
};
const plain = (port: number, path: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    httpGet({ port, path, host: '127.0.0.1' }, (response) => resolve(collect(response))).on('error', reject);
  });
const secure = (port: number, options: RequestOptions): Promise<Answer & { peer: string }> =>
  new Promise((resolve, reject) => {
    httpsGet({ port, host: '127.0.0.1', ...options }, (response) => {
      const peer = response.socket instanceof TLSSocket ? response.socket.getPeerCertificate().subject.CN : '';
      resolve(collect(response).then((answer) => ({ ...answer, peer: String(peer) })));
    }).on('error', reject);
  });

const open: RunningServer[] = [];
const keep = async (server: Promise<RunningServer>): Promise<RunningServer> => {
  const running = await server;
  open.push(running);
  return running;
};
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close(0)));
});

describe('health server', () => {
  const start = (ready: () => string): Promise<RunningServer> =>
    keep(startHealthServer({ port: 0, host: '127.0.0.1', metrics: createMetrics('test'), ready, version: '1.2.3' }));

  it.each([
    ['/healthz', '', 200, 'ok\n'],
    ['/readyz', '', 200, 'ok\n'],
    ['/readyz?verbose', '', 200, 'ok\n'],
    ['/readyz', 'no certificate yet', 503, 'not ready: no certificate yet\n'],
    ['/version', '', 200, `{"version":"1.2.3","node":"${process.version}"}\n`],
    ['/else', '', 404, 'not here; try /healthz, /readyz, /metrics, /version\n'],
  ])('%s with reason "%s" answers %d', async (path, reason, status, body) => {
    const { port } = await start(() => reason);
    expect(await plain(port, path)).toMatchObject({ status, body });
  });

  it('serves process metrics and build info', async () => {
    const { port } = await start(() => '');
    const { body, response } = await plain(port, '/metrics');
    expect(body).toContain(`podvisor_build_info{component="test",version="dev",node="${process.version}"} 1`);
    expect(body).toContain('process_resident_memory_bytes');
    expect(response.headers['content-type']).toContain('text/plain');
  });

  it('names the address when it cannot listen', async () => {
    const { port } = await start(() => '');
    const second = startHealthServer({ port, host: '127.0.0.1', metrics: createMetrics('test'), ready: () => '' });
    await expect(second).rejects.toThrow(`cannot listen on 127.0.0.1:${port}`);
  });
});

describe('HTTPS server', () => {
  let ca: TestCa;
  let first: KeyPair;
  beforeAll(async () => {
    ca = await createTestCa();
    first = await ca.issue('first');
  });

  const source = (initial?: KeyPair): CertificateSource & { set(pair: KeyPair): void } => {
    let pair = initial;
    const listeners = new Set<() => void>();
    return {
      current: () => pair,
      onChange: (fn) => {
        listeners.add(fn);
        return () => listeners.delete(fn);
      },
      set: (next) => {
        pair = next;
        for (const fn of listeners) fn();
      },
    };
  };
  const start = (options: Pick<HttpsOptions, 'certificate'> & Partial<HttpsOptions>): Promise<RunningServer> =>
    keep(startHttps({ handler: (_, response) => response.end('hello'), port: 0, host: '127.0.0.1', log: silentLog, ...options }));

  it('follows its certificate without a restart, and keeps the last good one', async () => {
    const certificate = source(first);
    const { port } = await start({ certificate });
    const ask = (): Promise<string> => secure(port, { ca: ca.certPem, agent: new Agent() }).then(({ peer }) => peer);
    expect(await ask()).toBe('first');
    certificate.set(await ca.issue('second'));
    expect(await ask()).toBe('second');
    certificate.set({ keyPem: 'junk', certPem: 'junk' });
    expect(await ask()).toBe('second');
  });

  it('listens before there is a certificate and serves once there is one', async () => {
    const certificate = source();
    const { port } = await start({ certificate });
    await expect(secure(port, { ca: ca.certPem })).rejects.toThrow();
    certificate.set(first);
    expect(await secure(port, { ca: ca.certPem })).toMatchObject({ status: 200, body: 'hello' });
  });

  it('refuses TLS 1.1', async () => {
    const { port } = await start({ certificate: source(first) });
    const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await expect(secure(port, { ca: ca.certPem, ...old })).rejects.toThrow(/protocol version|unsupported protocol/);
  });

  describe('with a client CA', () => {
    it.each<[string, (own: KeyPair, foreign: KeyPair) => RequestOptions, boolean]>([
      ['a certificate of the CA', (own) => ({ cert: own.certPem, key: own.keyPem }), true],
      ['no certificate', () => ({}), false],
      ['a certificate of another CA', (_, foreign) => ({ cert: foreign.certPem, key: foreign.keyPem }), false],
    ])('%s', async (_, credentials, allowed) => {
      const foreign = await createTestCa('foreign').then((other) => other.issue('client'));
      const certificate = source(first);
      const { port } = await start({ certificate, clientCa: () => ca.certPem });
      for (const step of ['at start', 'after a reload']) {
        const answer = secure(port, { ca: ca.certPem, maxVersion: 'TLSv1.2', ...credentials(await ca.issue('client'), foreign) });
        if (allowed) expect(await answer).toMatchObject({ status: 200 });
        else await expect(answer.then(() => step)).rejects.toThrow();
        certificate.set(await ca.issue('second'));
      }
    });

    it('serves nobody while the client CA is empty', async () => {
      const { port } = await start({ certificate: source(first), clientCa: () => '' });
      const client = await ca.issue('client');
      await expect(secure(port, { ca: ca.certPem, cert: client.certPem, key: client.keyPem })).rejects.toThrow();
    });
  });

  it('lets a request in flight end when closed, then refuses connections', async () => {
    const begun = Promise.withResolvers<() => void>();
    const handler: HttpsOptions['handler'] = (_, response) => begun.resolve(() => response.end('late'));
    const server = await start({ certificate: source(first), handler });
    const answer = secure(server.port, { ca: ca.certPem, agent: new Agent({ keepAlive: true }) });
    const finish = await begun.promise;
    const closed = server.close(5000);
    finish();
    expect(await answer).toMatchObject({ body: 'late' });
    await closed;
    await expect(secure(server.port, { ca: ca.certPem })).rejects.toThrow('ECONNREFUSED');
  });

  it('cuts what does not end within the grace', async () => {
    const server = await start({ certificate: source(first), handler: () => undefined });
    const answer = secure(server.port, { ca: ca.certPem });
    answer.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await server.close(1);
    await expect(answer).rejects.toThrow();
  });
});
