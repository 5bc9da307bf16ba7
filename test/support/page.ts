/** The page of a small index in Chromium, desktop and phone. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContextOptions, type Page, chromium } from 'playwright-core';
import type { ImageIndex } from '../../src/corpus/image-index.js';
import { type Calibration, uncalibrated } from '../../src/planner/calibration.js';
import { Searcher } from '../../src/search/searcher.js';
import { type RunningServer, startServer } from '../../src/service/server.js';
import { testService } from './service.js';
import { smallSearcher } from './small.js';

const executablePath = process.env['CHROMIUM'] || '/usr/bin/chromium';
// as root, and without a network to look things up in
const args = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
/** beside the compiled tests, so that git ignores it */
const screenshots = fileURLToPath(new URL('../../screenshots/', import.meta.url));

export const launch = () => chromium.launch({ executablePath, args });
export const hasBrowser = existsSync(executablePath);
export const full = 'XL@224:fp32';

/** Three points of very different fidelity; how long they take, the searcher learns. */
function calibrationOf(fingerprint: string): Calibration {
  const rbo = { 'S@96:fp32': 0.5, 'M@160:fp32': 0.8, [full]: 1 };
  const points = Object.entries(rbo).map(([at, fidelity], i) => {
    const ms = { p50: 4 ** i, p95: 1.5 * 4 ** i };
    return { at, decodeMs: ms, encodeMs: ms, fidelity: { top1Agreement: 1, recallAt10: 1, rbo: fidelity } };
  });
  return { ...uncalibrated(fingerprint, full), points };
}

export class PageTest {
  page!: Page;
  /** exceptions, and what the content security policy refused */
  errors: string[] = [];
  private browser: Promise<Browser> | undefined;

  private constructor(
    readonly searcher: Searcher<ImageIndex>,
    readonly server: RunningServer,
  ) {}

  static async start(folder: string, count = 24): Promise<PageTest> {
    const { encoder, index } = await smallSearcher(folder, count);
    const searcher = new Searcher(encoder, index, { calibration: calibrationOf(encoder.fingerprint) });
    await searcher.warmUp();
    const server = await startServer(testService(searcher, { writable: true, urlHosts: 'pictures.example' }));
    return new PageTest(searcher, server);
  }

  async stop(): Promise<void> {
    await (await this.browser)?.close();
    await this.server.stop();
    await this.searcher.close();
  }

  async newPage(options: BrowserContextOptions): Promise<Page> {
    const made = await (await (this.browser ??= launch())).newPage({ reducedMotion: 'reduce', ...options });
    made.setDefaultTimeout(20_000);
    made.on('pageerror', error => this.errors.push(error.message));
    made.on('console', message => {
      if (message.text().includes('Content Security Policy')) this.errors.push(message.text());
    });
    return made;
  }

  desk = () => this.newPage({ viewport: { width: 1280, height: 900 } });
  phone = (options: BrowserContextOptions = {}) =>
    this.newPage({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, ...options });

  /** One more of the same size, that knows nothing of the others. */
  another = () => this.newPage({ viewport: this.page.viewportSize()! });

  /** Opens the page anew. */
  async open(hash = ''): Promise<void> {
    await this.page.goto('about:blank');
    await this.page.goto(`${this.server.url}/${hash}`);
  }

  image = (i: number) => this.searcher.index.catalogue.images()[i]!;
  file = (i: number) => `${this.searcher.index.catalogue.root}/${this.image(i).path}`;
  upload = (i: number) => this.page.setInputFiles('#intro input[type=file]', this.file(i));
  startFromSample = (i = 0) => this.page.locator('#samples-list button').nth(i).click();
  choose = (value: string) => this.page.locator(`label:has(> input[value="${value}"])`).click();

  /** Waits for the answer of a point, and for its comparison with the full model. */
  async answered(at: string): Promise<void> {
    await this.page.waitForSelector(`.bar-row:first-child .bar-name:text-is("${at}")`);
    await this.compared();
  }

  /** Waits until all that is known of an answer is shown. */
  async compared(): Promise<void> {
    const shown = '#results[aria-busy="false"] #cost:is([data-state="compared"], [data-state="full"])';
    await this.page.waitForSelector(shown);
  }

  text = async (selector: string) => (await this.page.innerText(selector)).replaceAll(/\s+/g, ' ').trim();
  attributes = (selector: string, name: string) =>
    this.page.evaluate<string[]>(
      `[...document.querySelectorAll('${selector}')].map(one => one.getAttribute('${name}'))`,
    );
  hitIds = async () => (await this.attributes('#hits > li', 'data-id')).map(Number);

  async searchByApi(i: number, at: string): Promise<number[]> {
    const body = Uint8Array.from(await readFile(this.file(i)));
    const response = await fetch(`${this.server.url}/v1/search?k=10&at=${at}`, { method: 'POST', body });
    return ((await response.json()) as { hits: { id: number }[] }).hits.map(({ id }) => id);
  }

  /** Nothing that WCAG 2.2 AA asks for is missing, as far as a program can tell. */
  async isAccessible(): Promise<void> {
    const loaded = await this.page.evaluate<boolean>('"axe" in window');
    if (!loaded) await this.page.evaluate(await readFile(axe, 'utf8'));
    const violations = await this.page.evaluate<{ id: string; impact: string; nodes: { html: string }[] }[]>(
      'axe.run().then(({ violations }) => violations)',
    );
    const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    assert.deepEqual(
      serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`),
      [],
    );
  }

  /** Kept for people to look at. */
  async screenshot(name: string): Promise<void> {
    await mkdir(screenshots, { recursive: true });
    const { width } = this.page.viewportSize()!;
    await this.page.screenshot({ path: `${screenshots}${name}-${width}.png`, fullPage: true });
  }
}
