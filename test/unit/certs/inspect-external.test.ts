import { inspectExternal } from '../../../certs/inspect-external.ts';
import { createAuthority, issueLeaf } from '../../../certs/x509.ts';

const validity = { notBefore: 0, notAfter: 4_000_000_000_000 };
const NAMES = ['podvisor-webhook.podvisor-system.svc'];
const base64 = (text: string): string => Buffer.from(text).toString('base64');

const authority = await createAuthority('issuer', validity);
const other = await createAuthority('other', validity);
const leaf = (usage: 'server' | 'client', dnsNames = NAMES) =>
  issueLeaf(authority, { ...validity, commonName: '', usage, dnsNames });
const good = await leaf('server');
const secret = (change: Record<string, string> = {}): Record<string, string> => ({
  'ca.crt': base64(authority.certPem),
  'tls.crt': base64(good.certPem),
  'tls.key': base64(good.keyPem),
  ...change,
});

test('a Secret as cert-manager writes it is used', () => {
  expect(inspectExternal(secret(), NAMES)).toMatchObject({ ok: true, pair: { trust: authority.certPem, chain: good.certPem } });
});

test.each<[string, () => Promise<Record<string, string> | undefined>, string]>([
  ['no data', () => Promise.resolve(undefined), 'key ca.crt holds no certificate: choose an issuer that fills it'],
  ['no certificate', () => Promise.resolve(secret({ 'tls.crt': '' })), 'key tls.crt holds no certificate'],
  ['no key', () => Promise.resolve(secret({ 'tls.key': '' })), 'key tls.key is missing or empty'],
  ['not a key', () => Promise.resolve(secret({ 'tls.key': base64('hello') })), 'cannot be read: '],
  [
    'the key of another',
    async () => secret({ 'tls.key': base64((await leaf('server')).keyPem) }),
    'tls.key does not belong to tls.crt',
  ],
  ['another authority', () => Promise.resolve(secret({ 'ca.crt': base64(other.certPem) })), 'nothing in ca.crt signed tls.crt'],
  ['T19: a client certificate', async () => pairOf(await leaf('client')), 'tls.crt is not for servers'],
  ['other names', async () => pairOf(await leaf('server', ['elsewhere'])), `tls.crt is not valid for ${NAMES[0]}`],
])('refused with the reason: %s', async (_, data, reason) => {
  const inspection = inspectExternal(await data(), NAMES);
  expect(inspection.ok ? '' : inspection.reason).toContain(reason);
});

function pairOf({ certPem, keyPem }: { certPem: string; keyPem: string }): Record<string, string> {
  return secret({ 'tls.crt': base64(certPem), 'tls.key': base64(keyPem) });
}
