import type { WatchEvent } from '../../../kube/client.ts';
import { closeHttpRigs, httpRig as rig, json, type Handler } from '../../build/http-rig.ts';

const signal = (): AbortSignal => new AbortController().signal;
afterEach(closeHttpRigs);

describe('watch', () => {
  const collect = async (events: AsyncIterable<WatchEvent>): Promise<string[]> => {
    const seen: string[] = [];
    for await (const { type } of events) seen.push(type);
    return seen;
  };
  const added = '{"type":"ADDED","object":{"metadata":{"name":"ü"}}}\n';

  it('yields lines however they are cut, and ends when the server ends', async () => {
    const { client, requests } = await rig((_, response) => {
      const bytes = Buffer.from(added + added + '\n{"type":"BOOKMARK","object":{}}\n');
      for (const byte of bytes) response.write(Buffer.from([byte]));
      response.end();
    });
    expect(await collect(client.stream('/w', { resourceVersion: '5' }, signal()))).toEqual(['ADDED', 'ADDED', 'BOOKMARK']);
    expect(requests[0]?.url).toBe('/prefix/w?resourceVersion=5&watch=true');
  });

  it('has a connection of its own', async () => {
    const { client, sockets } = await rig((request, response) => {
      if (request.url?.includes('watch') === true) response.write(added);
      else json(response, {});
    });
    const stop = new AbortController();
    const stream = client.stream('/w', {}, stop.signal)[Symbol.asyncIterator]();
    await stream.next();
    await client.get('/x');
    await client.get('/x');
    expect(sockets).toHaveLength(2);
    stop.abort();
    await expect(stream.next()).rejects.toMatchObject({ reason: 'Aborted' });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, false]);
  });

  it('closes its connection when nobody reads on', async () => {
    const { client, sockets } = await rig((_, response) => void response.write(added));
    for await (const event of client.stream('/w', {}, signal())) {
      expect(event.type).toBe('ADDED');
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(sockets[0]?.destroyed).toBe(true);
  });

  it('is not begun when stopped before', async () => {
    const { client } = await rig(() => undefined);
    await expect(collect(client.stream('/w', {}, AbortSignal.abort()))).rejects.toMatchObject({ reason: 'Aborted' });
  });

  it('outlives the time limit of requests', async () => {
    const { client } = await rig(
      (_, response) => {
        response.write(added);
        setTimeout(() => response.end(added), 150);
      },
      { timeoutMs: 50 },
    );
    expect(await collect(client.stream('/w', {}, signal()))).toEqual(['ADDED', 'ADDED']);
  });

  it.each<[string, Handler, object]>([
    ['an HTTP error', (_, r) => json(r, { reason: 'Expired', message: 'too old' }, 410), { status: 410, reason: 'Expired' }],
    ['a cut in the middle of an event', (_, r) => r.end('{"type":"ADD'), { status: 0, reason: 'Unreachable' }],
    ['a reset', (_, r) => void r.write(added, () => r.destroy()), { status: 0, reason: 'Unreachable' }],
    ['a line that is no JSON', (_, r) => r.end('nonsense\n'), { status: 0, reason: 'BadAnswer' }],
    ['an event beyond the limit', (_, r) => r.end(`{"x":"${'x'.repeat(9000)}"}\n`), { status: 0, reason: 'TooLarge' }],
    ['no answer', () => undefined, { status: 0, reason: 'Timeout' }],
  ])('throws on %s', async (_, handler, expected) => {
    const { client } = await rig(handler, { maxResponseBytes: 4096, timeoutMs: 200 });
    await expect(collect(client.stream('/w', {}, signal()))).rejects.toMatchObject(expected);
  });
});
