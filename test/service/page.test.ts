import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type Browser, type BrowserContextOptions, type Page, chromium } from 'playwright-core';
import type { Searcher } from '../../src/search/searcher.js';
import { type RunningServer, startServer } from '../../src/service/server.js';
import { createService } from '../../src/service/service.js';
import { smallSearcher } from '../support/small.js';
import { temporaryFolder } from '../support/temporary.js';

const executablePath = '/usr/bin/chromium';
// as root, and without a network to look things up in
const args = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];
const note = { name: 'note.txt', mimeType: 'text/plain', buffer: Buffer.from('not a picture') };

describe('the page, in Chromium', function () {
  const inFolder = temporaryFolder();
  let searcher: Searcher | undefined;
  let server: RunningServer | undefined;
  let browser: Browser | undefined;
  let desk: Page;
  let page: Page;
  /** exceptions, and what the content security policy refused */
  let errors: string[];

  before(async function () {
    if (!existsSync(executablePath)) {
      console.log(`      there is no ${executablePath}: the page is not tested`);
      this.skip();
    }
    searcher = await smallSearcher(inFolder('.'), 24);
    server = await startServer(createService(searcher), { host: '127.0.0.1', port: 0 });
    browser = await chromium.launch({ executablePath, args });
    desk = await newPage({ viewport: { width: 1280, height: 900 } });
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
    await searcher?.close();
  });
  beforeEach(() => {
    errors = [];
    page = desk;
  });
  afterEach(async () => {
    await page.unrouteAll();
    assert.deepEqual(errors, []);
  });

  async function newPage(options: BrowserContextOptions) {
    const made = await browser!.newPage({ reducedMotion: 'reduce', ...options });
    made.on('pageerror', error => errors.push(error.message));
    made.on('console', message => {
      if (message.text().includes('Content Security Policy')) errors.push(message.text());
    });
    return made;
  }
  /** Opens the page anew. */
  async function open(hash = '') {
    await page.goto('about:blank');
    await page.goto(`${server!.url}/${hash}`);
  }
  const image = (i: number) => searcher!.index.catalogue.images()[i]!;
  const upload = (i: number) =>
    page.setInputFiles('#intro input[type=file]', `${searcher!.index.catalogue.root}/${image(i).path}`);
  const startFromSample = (i = 0) => page.locator('#samples-list button').nth(i).click();
  const choose = (value: string) => page.locator(`label:has(> input[value="${value}"])`).click();
  /** Waits for the answer of a point, and for its comparison with the full model. */
  const answered = async (at: string) => {
    await page.waitForSelector(`.bar-row:first-child .bar-name:text-is("${at}")`);
    await page.waitForSelector(`#cost[data-state="${at === 'XL@224:fp32' ? 'full' : 'compared'}"]`);
  };
  const text = async (selector: string) => (await page.innerText(selector)).replaceAll(/\s+/g, ' ').trim();
  const attributes = (selector: string, name: string) =>
    page.evaluate<string[]>(`[...document.querySelectorAll('${selector}')].map(one => one.getAttribute('${name}'))`);
  const hitIds = async () => (await attributes('#hits > li', 'data-id')).map(Number);

  const searchByApi = async (i: number, at: string): Promise<number[]> => {
    const body = await readFile(`${searcher!.index.catalogue.root}/${image(i).path}`);
    const response = await fetch(`${server!.url}/v1/search?k=10&at=${at}`, { method: 'POST', body });
    return ((await response.json()) as { hits: { id: number }[] }).hits.map(({ id }) => id);
  };

  it('shows what it serves, and pictures to start from', async () => {
    await open();
    await page.waitForSelector('#samples-list img');
    assert.equal(await text('#health'), '24 pictures · onnx, 1 worker');
    assert.equal(await page.locator('#samples-list li').count(), 8);
    const before = await page.locator('#samples-list img').first().getAttribute('src');
    await page.click('#samples-more');
    await page.waitForSelector(`#samples-list li:first-child img:not([src="${before}"])`);
    assert.equal(await page.locator('#samples-list li').count(), 8);
  });

  it('finds other samples where pictures are missing', async () => {
    await open();
    await page.route(/\/v1\/images\/\d*[02468]$/, route => route.fulfill({ status: 404, body: '{}' }));
    await page.reload();
    await page.waitForSelector('#samples-list img');
    const sources = await attributes('#samples-list img', 'src');
    assert.equal(sources.length, 8);
    assert.equal(new Set(sources).size, 8);
    for (const source of sources) assert.match(source, /\d*[13579]\/thumbnail$/);
  });

  it('searches with an uploaded file, and says what it cost', async () => {
    await open('#at=XL@224:fp32');
    await upload(3);
    await answered('XL@224:fp32');
    assert.equal((await hitIds()).length, 10);
    assert.equal((await hitIds())[0], image(3).id);
    assert.equal(await text('#hits > li:first-child .score'), '1.000');
    assert.equal(await page.textContent('#hits > li:first-child .path'), image(3).path);
    assert.equal(await text('#work'), '100% of the MACs');
    assert.match((await page.getAttribute('.bar', 'aria-label'))!, /decode [\d.]+ ms, wait .* encode .* search/);
    assert.match(await text('#announcement'), /^10 hits at XL@224:fp32 in [\d.]+ ms/);
  });

  it('searches again when the operating point changes, and compares with the full model', async () => {
    await open('#at=L@160:fp32');
    await upload(5);
    await answered('L@160:fp32');
    const work = await text('#work');
    await choose('S');
    await answered('S@160:fp32');
    await choose('112');
    await answered('S@112:fp32');
    assert.notEqual(await text('#work'), work);
    assert.match(await text('#same'), /^\d+ of 10 hits the same as XL@224$/);
    assert.match(await text('#faster'), /^([\d.]+ times (faster|slower) than|Same speed as) XL@224/);
    assert.equal(await text('.bar-row:last-child .bar-name'), 'XL@224:fp32');

    // what is marked, and what is missed, is what the answers say
    const same = Number((await text('#same')).split(' ')[0]);
    assert.equal(await page.locator('.badge[data-kind="extra"]:visible').count(), 10 - same);
    assert.equal(await page.locator('#missed-list li').count(), 10 - same);
    const full = await searchByApi(5, 'XL@224:fp32');
    const small = await searchByApi(5, 'S@112:fp32');
    assert.deepEqual(await hitIds(), small);
    assert.equal(small.filter(id => full.includes(id)).length, same);

    await choose('int8');
    await answered('S@112:int8');
    assert.equal(new URL(page.url()).hash, '#at=S@112:int8&k=10');
  });

  it('asks the full model once a picture', async () => {
    await open('#at=M@112:fp32');
    const asked: string[] = [];
    page.on('request', request => asked.push(new URL(request.url()).searchParams.get('at') ?? ''));
    const fullAsked = () => asked.filter(at => at === 'XL@224:fp32').length;
    await upload(1);
    await answered('M@112:fp32');
    const first = fullAsked();
    assert.ok(first >= 1 && first <= 2, `${first} times`); // the visit's first time is timed twice
    await choose('L');
    await answered('L@112:fp32');
    assert.equal(fullAsked(), first);
  });

  it('takes the point and the number of hits from its address, mixes too', async () => {
    await open('#at=S1-XL1@160:fp32&k=7');
    await startFromSample();
    await answered('S1-XL1@160:fp32');
    assert.equal((await hitIds()).length, 7);
    assert.equal(await page.inputValue('#at'), 'S1-XL1@160:fp32');
    await page.selectOption('#k', '20');
    await page.waitForSelector('#hits > li:nth-child(20)');
    await page.fill('#at', 'm2');
    await page.press('#at', 'Enter');
    await answered('M@160:fp32');
    await page.fill('#at', 'M9');
    await page.press('#at', 'Enter');
    await page.waitForSelector('#at-problem:has-text("9 layers")');
    assert.equal((await hitIds()).length, 20); // the last answer stays
  });

  it('opens a hit, searches with it, and goes back', async () => {
    await open('#at=XL@224:fp32');
    await upload(2);
    await answered('XL@224:fp32');
    const [first, , third] = await hitIds();
    await page.locator('.hit').nth(2).focus();
    await page.keyboard.press('Enter');
    await page.waitForSelector('#viewer[open]');
    assert.match(await text('#viewer-rank'), /^Hit 3 of 10/);
    await page.waitForSelector('#viewer-facts:has-text("SHA-256")');
    await page.keyboard.press('Escape');
    assert.equal(await page.evaluate('document.activeElement.closest("li").dataset.id'), String(third));
    await page.keyboard.press('Enter');
    await page.click('#viewer-search');
    await page.waitForSelector(`#hits > li:first-child[data-id="${third}"] .badge[data-kind="query"]`);
    assert.equal(new URL(page.url()).hash, `#at=XL@224:fp32&k=10&like=${third}`);
    await page.goBack();
    await page.waitForSelector(`#hits > li:first-child[data-id="${first}"]`);
    await page.goForward();
    await page.waitForSelector(`#hits > li:first-child[data-id="${third}"]`);
  });

  it('says what is wrong with a file, and goes on afterwards', async () => {
    await open();
    await page.setInputFiles('#intro input[type=file]', note);
    await page.waitForSelector('#failure-code:text-is("IMAGE_UNSUPPORTED")');
    assert.match(await text('#failure'), /not a supported picture.*JPEG/);
    assert.equal(await page.isVisible('#hits'), false);
    await page.click('#start-over');
    await startFromSample(1);
    await answered('L@160:fp32');
    assert.equal(await page.isVisible('#failure'), false);
  });

  it('says when the server is gone, and tries again', async () => {
    await open();
    await page.route('**/v1/search*', route => route.abort());
    await upload(4);
    await page.waitForSelector('#failure-code:text-is("UNREACHABLE")');
    await page.unroute('**/v1/search*');
    await page.click('#retry');
    await answered('L@160:fp32');
  });

  it('takes a pasted and a dropped picture', async () => {
    await open('#at=XL@224:fp32');
    await startFromSample();
    await answered('XL@224:fp32');
    for (const [kind, id] of [
      ['paste', image(6).id],
      ['drop', image(7).id],
    ] as const) {
      await page.evaluate(
        `(async () => {
          const blob = await (await fetch('/v1/images/${id}/thumbnail')).blob();
          const data = new DataTransfer();
          data.items.add(new File([blob], '${kind}.webp', { type: blob.type }));
          const options = { bubbles: true, cancelable: true };
          document.body.dispatchEvent(${kind === 'paste'}
            ? new ClipboardEvent('paste', { ...options, clipboardData: data })
            : new DragEvent('drop', { ...options, dataTransfer: data }));
        })()`,
      );
      await page.waitForSelector(`#query-name:text-is("${kind}.webp")`);
      await page.waitForSelector(`#hits > li:first-child[data-id="${id}"]`);
    }
  });

  it('fits a phone', async () => {
    page = await newPage({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
    await open();
    const widths: unknown[] = [];
    const measure = async () => widths.push(await page.evaluate('document.documentElement.scrollWidth'));
    await page.waitForSelector('#samples-list img');
    await measure();
    await startFromSample();
    await answered('L@160:fp32');
    await measure();
    await page.locator('.hit').first().tap();
    await page.waitForSelector('#viewer[open]');
    await measure();
    assert.deepEqual(widths, [390, 390, 390]);
  });
});
