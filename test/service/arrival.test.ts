import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, type Server, createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { arrivalOf, headArrived } from '../../src/service/arrival.js';

describe('when a request came', () => {
  let server: Server;
  before(async () => {
    server = createServer();
    server.prependListener('request', headArrived);
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  after(() => server.close());

  const head = (length: number) => `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n`;
  /** Sends the first part, and the rest once `between` is over; then reads it, not at once. */
  async function arrival(first: string, rest: string, between: () => Promise<unknown>): Promise<number> {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const asked = once(server, 'request') as Promise<[IncomingMessage]>;
    socket.write(first);
    const [request] = await asked;
    await between();
    if (rest !== '') socket.write(rest);
    let length = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) length += chunk.length;
    assert.equal(length, 5);
    const at = arrivalOf(request);
    socket.destroy();
    return at;
  }

  it('is when its head came, if its body came with it, however late that is read', async () => {
    let read = 0;
    const at = await arrival(head(5) + 'hello', '', async () => {
      read = performance.now();
      await sleep(5);
    });
    assert.ok(at <= read, `${at} ms, read at ${read}`);
  });

  it('is when its last byte had been read, if that came later', async () => {
    let sent = Infinity;
    const at = await arrival(head(5) + 'he', 'llo', async () => {
      await sleep(5);
      sent = performance.now();
    });
    assert.ok(at >= sent, `${at} ms, sent at ${sent}`);
  });
});
