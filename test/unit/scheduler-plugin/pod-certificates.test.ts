import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { podCertificates } from '../../../scheduler-plugin/pod-certificates.ts';

const YEAR_MS = 365 * 86_400_000;
const now = Date.UTC(2026, 10, 21);
const names = ['127.0.0.1', 'localhost'];
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'podvisor-certificates-'));
});
afterEach(() => rm(directory, { recursive: true }));

it('writes what the scheduler reads', async () => {
  const { caPem } = await podCertificates({ directory, names, now });
  const read = (file: string): Promise<string> => readFile(join(directory, file), 'utf8');
  expect(await read('ca.crt')).toBe(caPem);
  expect(await read('client.crt')).toContain('BEGIN CERTIFICATE');
  expect(await read('client.key')).toContain('PRIVATE KEY');
});

it('keeps the authority over a restart, because the scheduler reads it only once', async () => {
  const first = await podCertificates({ directory, names, now });
  expect(await podCertificates({ directory, names, now: now + YEAR_MS })).toEqual(first);
});

it.each([
  ['a file is damaged', () => writeFile(join(directory, 'server.crt'), 'not a certificate'), names, now],
  ['a file is missing', () => rm(join(directory, 'client.key')), names, now],
  ['another name is asked for', () => Promise.resolve(), ['10.0.0.1'], now],
  ['they are about to expire', () => Promise.resolve(), names, now + 10 * YEAR_MS],
])('issues new ones when %s', async (_title, change, wanted, then) => {
  const first = await podCertificates({ directory, names, now });
  await change();
  const second = await podCertificates({ directory, names: wanted, now: then });
  expect(second.caPem).not.toBe(first.caPem);
});
