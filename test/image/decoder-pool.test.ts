import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { inProcess } from '../../src/image/decoder.js';
import { DecoderPool } from '../../src/image/decoder-pool.js';
import { texture } from './fixtures.js';

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('DecoderPool', () => {
  let pool: DecoderPool;
  let picture: Buffer;
  before(async () => {
    picture = await texture().jpeg().toBuffer();
  });
  afterEach(() => pool.close());
  const open = (size: number, timeout = 60_000) => (pool = new DecoderPool({ size, timeout }));
  /** Both processes are there, and which is at a picture is known: the one that is stopped. */
  const openStopped = async (timeout?: number) => {
    open(2, timeout);
    await Promise.all([pool.decode(picture, 32), pool.decode(picture, 32)]);
    const [stopped, other] = pool.processes as [number, number];
    process.kill(stopped, 'SIGSTOP');
    return { stopped, other, stuck: pool.decode(picture, 32) };
  };

  it('gives what decoding in this process gives', async () => {
    open(2);
    const crop = { crop: { x: 0.5, y: 0, width: 0.5, height: 0.5 } };
    const [whole, part, small] = await Promise.all([
      pool.decode(picture, 112),
      pool.decode(picture, 96, crop),
      pool.thumbnail(picture, { size: 64, format: 'webp' }),
    ]);
    assert.deepEqual(whole, await inProcess.decode(picture, 112));
    assert.deepEqual(part, await inProcess.decode(picture, 96, crop));
    assert.deepEqual(small, await inProcess.thumbnail(picture, { size: 64, format: 'webp' }));
    assert.equal(whole.byteLength, whole.buffer.byteLength); // fit to be transferred
    const large = await texture(1000, 700).png({ compressionLevel: 0 }).toBuffer();
    assert.deepEqual(await pool.decode(large, 64), await inProcess.decode(large, 64));
  });

  it('gives the errors too, with the name of the picture', async () => {
    open(1);
    const limits = { maxBytes: 1e6, maxPixels: 5000 };
    await assert.rejects(pool.decode(picture, 32, { limits }), { code: 'IMAGE_TOO_LARGE' });
    await assert.rejects(pool.decode('/nowhere.jpg', 32, { name: 'mine' }), {
      ...{ code: 'FILE_UNREADABLE', detail: 'mine: no such file or directory' },
    });
    await assert.rejects(pool.thumbnail(Buffer.from('text'), { size: 32, format: 'webp' }), {
      code: 'IMAGE_UNSUPPORTED',
    });
    assert.equal((await pool.decode(picture, 32)).length, 32 * 32 * 3);
    assert.equal(pool.processes.length, 1);
  });

  it('decodes a picture again whose process ends, and starts another process', async () => {
    const { stopped, other, stuck } = await openStopped();
    const pixels = await Promise.all([pool.decode(picture, 32), pool.decode(picture, 48)]); // by the other one
    assert.deepEqual(pixels.map(({ length }) => length), [32 * 32 * 3, 48 * 48 * 3]); // prettier-ignore
    const waiting = pool.decode(picture, 64);
    process.kill(stopped, 'SIGKILL');
    assert.deepEqual(await stuck, await inProcess.decode(picture, 32));
    await waiting;
    await Promise.all([pool.decode(picture, 32), pool.decode(picture, 32)]);
    assert.ok(pool.processes.includes(other) && !pool.processes.includes(stopped));
    assert.equal(pool.processes.length, 2);
  });

  /** A picture whose process has ended, the one that is at it now, and whether that has begun. */
  const openEnded = async () => {
    open(1);
    await pool.decode(picture, 32);
    const [first] = pool.processes;
    process.kill(first!, 'SIGSTOP');
    const stuck = pool.decode(picture, 32);
    stuck.catch(() => undefined); // looked at later
    process.kill(first!, 'SIGKILL');
    while (pool.processes.length === 0 || pool.processes[0] === first) await sleep(1);
    const [child] = pool['children'];
    return { stuck, child: child! };
  };

  it('loses the one picture that ends a process a second time', async () => {
    const { stuck, child } = await openEnded();
    process.kill(child.process.pid!, 'SIGSTOP');
    child.isReady = true; // it was stopped before it could say so
    const next = pool.decode(picture, 64);
    process.kill(child.process.pid!, 'SIGKILL');
    await assert.rejects(stuck, { code: 'DECODER_LOST', status: 422, detail: /^the upload: / });
    assert.deepEqual(await next, await inProcess.decode(picture, 64));
  });

  it('does not blame a picture for processes that never were ready', async () => {
    const { stuck, child } = await openEnded();
    process.kill(child.process.pid!, 'SIGKILL');
    await assert.rejects(stuck, { code: 'DECODER_UNAVAILABLE', status: 503 });
    assert.equal((await pool.decode(picture, 32)).length, 32 * 32 * 3);
  });

  it('says that no process can be started, and keeps nothing of it', async function () {
    if (process.platform !== 'linux') this.skip();
    const { execPath } = process;
    const target = (fd: string) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return ''; // that by which the folder was read
      }
    };
    const scratchFiles = () =>
      readdirSync('/proc/self/fd')
        .map(target)
        .filter(path => path.startsWith('/dev/shm/matvit-'));
    open(1);
    assert.deepEqual(scratchFiles(), []);
    process.execPath = '/nowhere/node';
    try {
      for (let i = 0; i < 3; i++)
        await assert.rejects(pool.decode(picture, 32), { code: 'DECODER_UNAVAILABLE', status: 503 });
    } finally {
      process.execPath = execPath;
    }
    assert.deepEqual(scratchFiles(), []);
    assert.equal((await pool.decode(picture, 32)).length, 32 * 32 * 3);
    assert.equal(scratchFiles().length, 1);
  });

  it('gives up a decoder that never returns', async () => {
    const { stopped, stuck } = await openStopped(2000);
    await assert.rejects(stuck, { code: 'DECODER_TIMEOUT', status: 422 });
    while (isAlive(stopped)) await sleep(10);
    await Promise.all([pool.decode(picture, 32), pool.decode(picture, 32)]);
    assert.ok(!pool.processes.includes(stopped));
  });

  it('fails what is under way when it is closed', async () => {
    const { stuck } = await openStopped();
    const waiting = Promise.allSettled([stuck, pool.decode(picture, 32), pool.decode(picture, 32)]);
    await pool.close();
    const [first, ...others] = (await waiting).map(outcome =>
      'reason' in outcome ? (outcome.reason as { code: string }).code : 'decoded',
    );
    assert.equal(first, 'SERVER_STOPPING');
    for (const other of others) assert.match(other, /^(decoded|SERVER_STOPPING)$/);
    assert.deepEqual(pool.processes, []);
    await assert.rejects(pool.decode(picture, 32), { code: 'SERVER_STOPPING' });
  });

  it('ends with its parent, however that ends', async () => {
    open(1);
    const module = new URL('../../src/image/decoder-pool.js', import.meta.url).href;
    const parent: ChildProcess = spawn(
      process.execPath,
      [
        ...['--input-type=module', '--eval'],
        `const { DecoderPool } = await import(${JSON.stringify(module)});
         const pool = new DecoderPool({ size: 1, timeout: 60000 });
         const answer = async () => {
           await pool.decode(Buffer.from('text'), 32).catch(() => {});
           console.log(pool.processes[0]);
         };
         process.stdin.on('data', answer);
         await answer();`,
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    const said = async () => Number(((await once(parent.stdout!, 'data')) as [Buffer])[0].toString());
    const child = await said();
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.kill(child, signal); // not for it
    parent.stdin!.write('once more');
    assert.equal(await said(), child);
    parent.kill('SIGKILL');
    while (isAlive(child)) await sleep(10);
  });
});
