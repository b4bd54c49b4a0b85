import { webcrypto } from 'node:crypto';
import 'reflect-metadata';
import {
  BasicConstraintsExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  type X509Certificate,
} from '@peculiar/x509';
import type { KeyPair } from '../../runtime/certificate.ts';

/** A CA for tests: issues leaves for 127.0.0.1 and localhost. */
export interface TestCa {
  readonly certPem: string;
  issue(commonName: string): Promise<KeyPair>;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' };
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' };
const LIFE = { notBefore: new Date('2020-01-01'), notAfter: new Date('2120-01-01') };

const newKeys = (): Promise<webcrypto.CryptoKeyPair> => webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);

async function toPair(keys: webcrypto.CryptoKeyPair, certificate: X509Certificate): Promise<KeyPair> {
  const der = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { keyPem: PemConverter.encode(der, 'PRIVATE KEY'), certPem: certificate.toString('pem') };
}

/** A new CA. */
export async function createTestCa(commonName = 'test-ca'): Promise<TestCa> {
  const keys = await newKeys();
  const ca = await X509CertificateGenerator.createSelfSigned(
    {
      ...LIFE,
      serialNumber: '01',
      name: `CN=${commonName}`,
      signingAlgorithm: SIGNING,
      keys,
      extensions: [new BasicConstraintsExtension(true, 1, true)],
    },
    webcrypto,
  );
  let serial = 16;
  return {
    certPem: ca.toString('pem'),
    issue: async (name) => {
      const leaf = await newKeys();
      const names = new SubjectAlternativeNameExtension([
        { type: 'ip', value: '127.0.0.1' },
        { type: 'dns', value: 'localhost' },
      ]);
      const certificate = await X509CertificateGenerator.create(
        {
          ...LIFE,
          serialNumber: (++serial).toString(16),
          subject: `CN=${name}`,
          issuer: ca.subject,
          publicKey: leaf.publicKey,
          signingKey: keys.privateKey,
          signingAlgorithm: SIGNING,
          extensions: [names],
        },
        webcrypto,
      );
      return toPair(leaf, certificate);
    },
  };
}
