import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FetchOptions, fetchPicture, isPublic } from '../../src/image/fetch.js';

/** Spellings of addresses that nobody outside should reach. */
const hostile = [
  ...['127.0.0.1', '127.1', '127.0.1', '0', '0.0.0.0', '2130706433', '0x7f000001', '017700000001', '0177.0.0.1'],
  ...['0x7f.1', '127.0.0.1.', '１２７.０.０.１', '127。0。0。1', '[::1]', '[::]', '[0:0:0:0:0:0:0:1]'],
  ...['[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::127.0.0.1]', '[64:ff9b::7f00:1]', '[2002:7f00:1::]'],
  ...['[fe80::1]', '[fc00::1]', '[fd00:ec2::254]', '[ff02::1]', '[2001:db8::1]', '[2001::1]'],
  ...['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.0.1', '169.254.169.254', '100.64.0.1', '100.127.255.255'],
  ...['192.0.0.1', '192.0.2.1', '198.18.0.1', '224.0.0.1', '240.0.0.1', '255.255.255.255', '[::ffff:a9fe:a9fe]'],
];
const hostileUrls = [
  ...hostile.map(host => `http://${host}/a.png`),
  ...[
    'file:///etc/passwd',
    'ftp://example.com/a',
    'gopher://127.0.0.1:7700/',
    'data:image/png;base64,AA',
    'javascript:1',
  ],
  ...['http://user@example.com/', 'http://user:secret@example.com/', 'http://', '//127.0.0.1/', 'nonsense'],
];

describe('fetchPicture', () => {
  let server: Server;
  let port: number;
  let requests: string[];
  let connections = 0;
  before(done => {
    server = createServer((request, response) => {
      const path = request.url!;
      requests.push(`${request.headers.host} ${path}`);
      const [, to] = /^\/to\/(.*)$/.exec(path) ?? [];
      if (to !== undefined) response.writeHead(302, { Location: decodeURIComponent(to) }).end();
      else if (path === '/declared') response.writeHead(200, { 'Content-Length': 1e10 }).write('x');
      else if (path === '/endless') {
        const more = () => !response.destroyed && response.write(Buffer.alloc(65_536)) && setImmediate(more);
        response.on('drain', more);
        more();
      } else if (path === '/silent') return;
      else if (path === '/slow') {
        const timer = setInterval(() => response.write('x'), 20);
        response.on('close', () => clearInterval(timer));
      } else if (path === '/101')
        response.socket!.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\nConnection: Upgrade\r\n\r\n');
      else if (path === '/404') response.writeHead(404).end();
      else response.end('picture');
    });
    server.on('connection', () => connections++);
    server.listen(0, '127.0.0.1', () => {
      ({ port } = server.address() as AddressInfo);
      done();
    });
  });
  beforeEach(() => {
    requests = [];
    connections = 0;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  const loopback: LookupAddress[] = [{ address: '127.0.0.1', family: 4 }];
  /** Stands for the internet: names resolve to the test's server, whose address counts as public for once. */
  const options: FetchOptions = {
    ...{ hosts: ['*'], maxBytes: 100_000, timeout: 2000 },
    ...{ resolve: () => Promise.resolve(loopback), isAllowed: address => address === '127.0.0.1' },
  };
  const fetchFrom = (path: string, more: Partial<FetchOptions> = {}) =>
    fetchPicture(`http://pictures.example:${port}${path}`, { ...options, ...more });

  it('fetches what it may', async () => {
    assert.equal((await fetchFrom('/a.png')).toString(), 'picture');
    assert.equal((await fetchFrom('/a.png', { hosts: ['pictures.example'] })).toString(), 'picture');
    const chain = encodeURIComponent(`http://pictures.example:${port}/to/${encodeURIComponent('/a.png')}`);
    assert.equal((await fetchFrom(`/to/${chain}`)).toString(), 'picture');
  });

  it(`reaches no forbidden address through ${hostileUrls.length} hostile URLs`, async () => {
    assert.ok(hostileUrls.length >= 40);
    for (const url of hostileUrls)
      await assert.rejects(
        fetchPicture(url.replace(/^(http:\/\/[^/@]+)\//, `$1:${port}/`), { hosts: ['*'], maxBytes: 1e6 }),
        { code: 'URL_FORBIDDEN' },
        url,
      );
    assert.equal(connections, 0);
  });

  it('reaches none through redirects either', async () => {
    // the first hop is allowed by its name's first answer; where it leads is vetted as if it were asked for
    for (const target of hostileUrls.filter(url => /^http:\/\/[\x21-\x7e]+$/.test(url))) {
      let asked = 0;
      const isAllowed = (address: string) => (asked++ === 0 ? address === '127.0.0.1' : isPublic(address));
      await assert.rejects(
        fetchPicture(`http://pictures.example:${port}/to/${encodeURIComponent(target)}`, { ...options, isAllowed }),
        { code: 'URL_FORBIDDEN' },
        target,
      );
    }
    for (const request of requests) assert.match(request, /^pictures\.example/);
  });

  it('vets every address of a name, and connects to no other', async () => {
    const bad = [
      [{ address: '127.0.0.1', family: 4 }],
      [{ address: '93.184.216.34', family: 4 }, ...loopback],
      [{ address: '::ffff:10.0.0.1', family: 6 }],
      [{ address: '169.254.169.254', family: 4 }],
      [],
    ];
    for (const addresses of bad)
      await assert.rejects(
        fetchPicture(`http://rebound.example:${port}/`, {
          ...options,
          resolve: () => Promise.resolve(addresses),
          isAllowed: isPublic,
        }),
        { code: 'URL_FORBIDDEN' },
      );
    assert.equal(connections, 0);
    // a resolver that changes its mind is asked once a connection: what was vetted is what is connected to
    let asked = 0;
    const rebinding = () => Promise.resolve(asked++ === 0 ? loopback : [{ address: '10.0.0.1', family: 4 }]);
    assert.equal((await fetchFrom('/a.png', { resolve: rebinding })).toString(), 'picture');
    assert.equal(asked, 1);
  });

  it('keeps to the allow-list, on redirects too', async () => {
    const hosts = ['pictures.example'];
    await assert.rejects(fetchPicture(`http://other.example:${port}/`, { ...options, hosts }), {
      code: 'URL_FORBIDDEN',
    });
    await assert.rejects(fetchPicture(`http://pictures.example.other.example:${port}/`, { ...options, hosts }), {
      code: 'URL_FORBIDDEN',
    });
    const elsewhere = encodeURIComponent(`http://other.example:${port}/`);
    await assert.rejects(fetchFrom(`/to/${elsewhere}`, { hosts }), { code: 'URL_FORBIDDEN' });
  });

  it('ends what is too large, too slow or leads nowhere', async () => {
    for (const path of ['/declared', '/endless'])
      await assert.rejects(fetchFrom(path), { code: 'IMAGE_TOO_LARGE' }, path);
    for (const path of ['/silent', '/slow'])
      await assert.rejects(fetchFrom(path, { timeout: 200 }), { code: 'URL_UNREACHABLE' }, path);
    for (const path of ['/silent', '/slow'])
      await assert.rejects(fetchFrom(path, { signal: AbortSignal.timeout(200) }), { code: 'REQUEST_ABORTED' }, path);
    await assert.rejects(fetchFrom('/404'), { code: 'URL_UNREACHABLE' });
    await assert.rejects(fetchFrom('/101'), { code: 'URL_UNREACHABLE' });
    const self = (depth: number): string => (depth === 0 ? '/a.png' : `/to/${encodeURIComponent(self(depth - 1))}`);
    await assert.rejects(fetchFrom(self(4)), { code: 'URL_UNREACHABLE' });
    const failing = () => Promise.reject(new Error('no such name'));
    await assert.rejects(fetchFrom('/', { resolve: failing }), { code: 'URL_UNREACHABLE' });
    const open = () => new Promise<number>(resolve => server.getConnections((_error, count) => resolve(count)));
    for (let i = 0; i < 100 && (await open()) > 0; i++) await sleep(20);
    assert.equal(await open(), 0);
  });
});
