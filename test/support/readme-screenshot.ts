/**
 * Makes docs/page.webp, the README's picture of the page: `npm run demo -- --no-serve`, then
 * `node dist/test/support/readme-screenshot.js`, on a machine with nothing else to do, since the page shows milliseconds.
 */
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { readConfig } from '../../src/config.js';
import { startServer } from '../../src/service/server.js';
import { Service } from '../../src/service/service.js';
import { openSearcher } from '../../scripts/open-searcher.js';
import { launch } from './page.js';

const picture = fileURLToPath(new URL('../../../docs/page.webp', import.meta.url));
const demo = fileURLToPath(new URL('../../../index-data/demo', import.meta.url));
const [, , index = demo, query = 'food/D076.jpeg'] = process.argv;

const { config } = readConfig({ flags: { index, port: 0, logLevel: 'error', rateLimit: 0 } });
const searcher = await openSearcher({ ...config, limits: config });
await searcher.warmUp();
const server = await startServer(new Service(searcher, { config }));
const browser = await launch();
try {
  const { id } = searcher.index.catalogue.imageAt(query)!;
  const page = await browser.newPage({ viewport: { width: 1240, height: 880 }, deviceScaleFactor: 1.5 });
  // once to make thumbnails, once to be seen
  for (let i = 0; i < 2; i++) {
    await page.goto('about:blank');
    await page.goto(`${server.url}/#k=10&sample=${id}`);
    await page.waitForSelector('#results[aria-busy="false"] #cost:is([data-state="compared"], [data-state="full"])');
    await page.waitForTimeout(1500);
  }
  const { size } = await sharp(await page.screenshot())
    .webp({ quality: 82, effort: 6 })
    .toFile(picture);
  process.stdout.write(`${picture}: ${Math.round(size / 1000)} kB\n`);
} finally {
  await browser.close();
  await server.stop();
  await searcher.close();
}
