import { X509Certificate } from 'node:crypto';
import { connect, createServer } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { issuePodLocal } from '../../../certs/pod-local.ts';
import { createAuthority, issueLeaf } from '../../../certs/x509.ts';

const NOW = Date.now();
const validity = { notBefore: NOW - 300_000, notAfter: NOW + 3_600_000 };

test('T19: a server leaf names its hosts, serves only, and is signed by its authority', async () => {
  const ca = await createAuthority('test-ca', validity);
  const leaf = await issueLeaf(ca, {
    ...validity,
    commonName: 'svc',
    usage: 'server',
    dnsNames: ['a.b.svc', 'localhost'],
    ipAddresses: ['127.0.0.1'],
  });
  const cert = new X509Certificate(leaf.certPem);
  const authority = new X509Certificate(ca.certPem);
  expect(cert.subjectAltName).toBe('DNS:a.b.svc, DNS:localhost, IP Address:127.0.0.1');
  expect(cert.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  expect(cert.ca).toBe(false);
  expect(authority.ca).toBe(true);
  expect(cert.verify(authority.publicKey)).toBe(true);
  expect(cert.checkIssued(authority)).toBe(true);
  expect(cert.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
});

async function handshake(options: { as: 'server' | 'client' | 'nobody' }): Promise<string> {
  const local = await issuePodLocal({ names: ['localhost', '127.0.0.1'], now: NOW });
  const tls = {
    key: local.server.keyPem,
    cert: local.server.certPem,
    ca: local.caPem,
    requestCert: true,
    rejectUnauthorized: false,
  };
  const server = createServer(tls, (socket) => {
    socket.end(socket.authorized ? 'welcome' : 'refused');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const pair = options.as === 'nobody' ? undefined : local[options.as];
  const client = pair === undefined ? {} : { key: pair.keyPem, cert: pair.certPem };
  const socket = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, ca: local.caPem, ...client });
  const [data] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  server.close();
  return data.toString();
}

test('pod-local certificates make a mutual TLS connection over loopback', async () => {
  expect(await handshake({ as: 'client' })).toBe('welcome');
  expect(await handshake({ as: 'nobody' })).toBe('refused');
});

test('T19: a serving certificate is refused as a client certificate, by usage and in a handshake', async () => {
  expect(await handshake({ as: 'server' })).toBe('refused');
  const local = await issuePodLocal({ names: ['localhost'], now: NOW });
  expect(new X509Certificate(local.server.certPem).keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  expect(new X509Certificate(local.client.certPem).keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
});
