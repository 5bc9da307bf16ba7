import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { DecoderPool } from '../../src/image/decoder-pool.js';
import { Searcher } from '../../src/search/searcher.js';
import { type RunningServer, startServer } from '../../src/service/server.js';
import { codeOf, testService } from '../support/service.js';
import { smallSearcher } from '../support/small.js';
import { temporaryFolder } from '../support/temporary.js';

describe('decoding in processes of its own', () => {
  const inFolder = temporaryFolder();
  const pools: DecoderPool[] = [];
  let searcher: Searcher;
  let picture: Buffer;
  const servers: RunningServer[] = [];
  before(async () => {
    searcher = await smallSearcher(inFolder('.'), 6, 2);
    picture = await readFile(inFolder('pictures/2/005.png'));
  });
  after(async () => {
    for (const server of servers) await server.stop();
    for (const pool of pools) await pool.close();
    await searcher.close();
  });

  async function serve(timeout: number): Promise<{ pool: DecoderPool; search: () => Promise<Response>; url: string }> {
    const pool = new DecoderPool({ size: 2, timeout });
    pools.push(pool);
    const { encoder, index } = searcher;
    const isolated = new Searcher(encoder, index, { decode: pool.decode });
    const server = await startServer(testService(isolated, {}, { decoder: pool }));
    servers.push(server);
    const search = () =>
      fetch(`${server.url}/v1/search?k=3&at=S@96`, { method: 'POST', body: new Uint8Array(picture) });
    return { pool, search, url: server.url };
  }

  it('costs no request that a decoder is killed', async () => {
    const { pool, search, url } = await serve(60_000);
    await Promise.all([search(), search()]);
    const [stopped] = pool.processes;
    process.kill(stopped!, 'SIGSTOP');
    const struck = search();
    for (let i = 0; i < 3; i++) assert.equal((await search()).status, 200);
    process.kill(stopped!, 'SIGKILL');
    const after = await Promise.all([struck, search(), search(), fetch(`${url}/v1/images/1/thumbnail`)]);
    assert.deepEqual(after.map(({ status }) => status), [200, 200, 200, 200]); // prettier-ignore
  });

  it('costs the request alone whose decoder hangs', async () => {
    const { pool, search } = await serve(2000);
    await Promise.all([search(), search()]);
    process.kill(pool.processes[0]!, 'SIGSTOP');
    const struck = await search();
    assert.deepEqual([struck.status, await codeOf(struck)], [422, 'DECODER_TIMEOUT']);
    const after = await Promise.all([search(), search(), search()]);
    assert.deepEqual(after.map(({ status }) => status), [200, 200, 200]); // prettier-ignore
  });
});
