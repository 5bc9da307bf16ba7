import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type Browser, type Page, chromium } from 'playwright-core';
import { defaultLimits } from '../../src/image/limits.js';
import type { Searcher } from '../../src/search/searcher.js';
import { type RunningServer, startServer } from '../../src/service/server.js';
import { smallSearcher } from '../support/small.js';
import { temporaryFolder } from '../support/temporary.js';

const executablePath = '/usr/bin/chromium';
// as root, and without a network to look things up in
const args = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

describe('the page, in Chromium', function () {
  const inFolder = temporaryFolder();
  let searcher: Searcher | undefined;
  let server: RunningServer | undefined;
  let browser: Browser | undefined;
  let page: Page;
  let errors: string[];

  before(async function () {
    if (!existsSync(executablePath)) {
      console.log(`      there is no ${executablePath}: the page is not tested`);
      this.skip();
    }
    searcher = await smallSearcher(inFolder('.'), 24);
    server = await startServer({ searcher, limits: defaultLimits, stopping: false }, { host: '127.0.0.1', port: 0 });
    browser = await chromium.launch({ executablePath, args });
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
    await searcher?.close();
  });
  beforeEach(async () => {
    errors = [];
    page = await browser!.newPage({ viewport: { width: 1280, height: 900 } });
    page.on('pageerror', error => errors.push(error.message));
  });
  afterEach(async () => {
    await page.close();
    assert.deepEqual(errors, []);
  });

  const open = async (hash = '') => {
    await page.goto(`${server!.url}/${hash}`);
    await page.waitForSelector('.samples button');
  };
  const found = (at: string) => page.waitForSelector(`#status:has-text("at ${at}")`);
  const text = (selector: string) => page.textContent(selector);

  it('searches with a chosen file, and says what it cost', async () => {
    await open();
    const { catalogue } = searcher!.index;
    const image = catalogue.images()[3]!;
    await page.setInputFiles('#file', `${catalogue.root}/${image.path}`);
    await found('XL@224:fp32');
    assert.equal(await page.getAttribute('#hits li:first-child', 'data-id'), String(image.id));
    assert.equal(await text('#hits li:first-child b'), '1.000');
    assert.equal(await page.locator('#hits li').count(), 12);
    assert.equal(await text('#macs'), '100%');
    assert.equal(await text('#same'), '12 of 12');
    assert.match((await page.getAttribute('#bar', 'aria-label'))!, /decode [\d.]+ ms, wait .* search/);
  });

  it('searches again when the operating point changes, and compares with the full model', async () => {
    await open();
    await page.click('.samples button');
    await found('XL@224:fp32');
    await page.check('input[value="S"]');
    await found('S@224:fp32');
    await page.check('input[value="112"]');
    await found('S@112:fp32');
    await page.check('input[value="int8"]');
    await found('S@112:int8');
    await page.waitForSelector('#same:text-matches("^[0-9]+ of 12$")');
    assert.match((await text('#same-label'))!, /times as fast/);
    assert.notEqual(await text('#macs'), '100%');
    assert.match(page.url(), /#S@112:int8$/);
  });

  it('takes the operating point from its address, mixes too', async () => {
    await open('#S1-XL1@160:fp32');
    await page.click('.samples button');
    await found('S1-XL1@160:fp32');
  });

  it('opens a hit, and searches with it', async () => {
    await open();
    await page.click('.samples button');
    await found('XL@224:fp32');
    await page.click('#hits li:nth-child(3) button');
    assert.match((await text('#viewer-title'))!, /\.png$/);
    const id = await page.getAttribute('#hits li:nth-child(3)', 'data-id');
    await page.click('#viewer-search');
    await page.waitForSelector(`#hits li:first-child[data-id="${id}"]`);
  });

  it('says what is wrong with a file, and goes on afterwards', async () => {
    await open();
    await page.setInputFiles('#file', {
      name: 'note.txt',
      mimeType: 'text/plain',
      buffer: Buffer.from('not a picture'),
    });
    await page.waitForSelector('#error:not([hidden])');
    assert.match((await text('#error'))!, /IMAGE_UNSUPPORTED/);
    assert.equal(await page.locator('#hits li').count(), 0);
    await page.click('.samples button');
    await found('XL@224:fp32');
    assert.equal(await page.isVisible('#error'), false);
  });

  it('fits a phone', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await open();
    await page.click('.samples button');
    await found('XL@224:fp32');
    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 390);
  });
});
