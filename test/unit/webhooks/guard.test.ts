import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { deadline } from '../../../webhooks/server/guard.ts';
import { createFakeClock } from '../../build/fake-clock.ts';

let onTestEnd = (): void => undefined;
afterEach(() => onTestEnd());

test('a request that does not arrive whole in time is ended before the API server would give up', async () => {
  const clock = createFakeClock();
  const app = express();
  app.post('/', deadline(clock), express.json(), (_request, response) => void response.send('ok'));
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const arrived = once(server, 'request');
  onTestEnd = () => {
    socket.destroy();
    server.close();
  };
  socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"half":');
  await arrived;
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const closed = once(socket, 'close');
  await clock.advance(1799);
  expect(text).toBe('');
  await clock.advance(1);
  await closed;
  expect(text).toMatch(/^HTTP\/1.1 408 /);
});
