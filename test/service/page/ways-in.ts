import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { KeyRing } from '../../../src/service/keys.js';
import { startServer } from '../../../src/service/server.js';
import { type PageTest, full } from '../../support/page.js';
import { testService } from '../../support/service.js';

/** Keys, cameras, addresses; look-alikes and points compared. */
export function waysIn(page: () => PageTest) {
  let here: PageTest;
  before(() => (here = page()));

  it('asks for a key where the server does, once', async () => {
    const keys = `${here.searcher.index.folder}/page-keys.json`;
    const ring = KeyRing.open(keys);
    await ring.remove('page').catch(() => undefined);
    const key = await ring.add('page', 'read');
    const server = await startServer(testService(here.searcher, { auth: 'always', keys }));
    const shared = here.page;
    here.page = await here.another();
    try {
      await here.page.goto(server.url);
      await here.page.waitForSelector('#key-dialog[open]');
      await here.isAccessible();
      await here.screenshot('key');
      for (const wrong of ['no key!', 'wrong']) {
        await here.page.fill('#key', wrong);
        await here.page.press('#key', 'Enter');
        await here.page.waitForSelector(
          `#key-problem:text-matches("${wrong === 'wrong' ? 'does not know' : 'letters'}")`,
        );
      }
      await here.page.fill('#key', key);
      await here.page.press('#key', 'Enter');
      await here.page.waitForSelector('#samples-list img');
      await here.page.evaluate('document.querySelector("#samples-list img").decode()'); // it came with the key
      await here.startFromSample();
      await here.compared();
      await here.page.click('#health');
      await here.page.click('#forget-key');
      await here.page.waitForSelector('#key-dialog[open]');
    } finally {
      await here.page.close();
      here.page = shared;
      await server.stop();
    }
  });

  it('takes a picture with the camera', async () => {
    await here.open('#at=S@96:fp32');
    await here.page.click('#camera-open');
    await here.page.waitForSelector('#camera-take:enabled');
    await here.isAccessible();
    await here.screenshot('camera');
    await here.page.click('#camera-take');
    await here.page.waitForSelector('#query-name:text-is("camera.jpg")');
    await here.answered('S@96:fp32');
    assert.equal(await here.page.isVisible('#camera'), false);
  });

  it('lets go of a camera that was closed before it could be used', async () => {
    await here.open();
    // two that wait for the person's permission
    await here.page.evaluate(`{
      const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      const allowed = new Promise(resolve => (window.allow = resolve));
      window.streams = [];
      navigator.mediaDevices.getUserMedia = async options => {
        await allowed;
        const stream = await open(options);
        window.streams.push(stream);
        return stream;
      };
    }`);
    await here.page.click('#camera-open');
    await here.page.click('#camera-close');
    await here.page.click('#camera-open');
    await here.page.evaluate('allow()');
    await here.page.waitForSelector('#camera-take:enabled');
    const live = 'streams.flatMap(one => one.getTracks()).filter(one => one.readyState === "live").length';
    assert.deepEqual(await here.page.evaluate(`[streams.length, ${live}]`), [2, 1]);
    // a dialog says that it is closed a moment later
    const closed = here.page.evaluate(
      `new Promise(resolve => document.querySelector('#camera').addEventListener('close', () => resolve()))`,
    );
    await here.page.click('#camera-close');
    await closed;
    assert.equal(await here.page.evaluate(live), 0);
  });

  it('says so when there is no camera', async () => {
    await here.open();
    await here.page.evaluate(
      `navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError'))`,
    );
    await here.page.click('#camera-open');
    await here.page.waitForSelector('#camera-problem:has-text("may not use the camera")');
    assert.equal(await here.page.isVisible('#camera-take'), false);
    await here.page.click('#camera-close');
  });

  it('searches by an address, and says why it may not', async () => {
    await here.open('#at=S@96:fp32');
    const answer = await readFile(here.file(3));
    await here.page.fill('#url', 'http://127.0.0.1/secret.png');
    await here.page.press('#url', 'Enter');
    await here.page.waitForSelector('#failure-code:text-is("URL_FORBIDDEN")');
    await here.isAccessible();
    await here.screenshot('forbidden-address');
    // what it would have fetched: the page shows an answer as any other
    await here.page.route('**/v1/search', async route => {
      const { like, ...rest } = route.request().postDataJSON() as { like: { url: string }[] };
      assert.equal(like[0]!.url, 'http://127.0.0.1/secret.png');
      await route.continue({
        postData: JSON.stringify({ like: [{ image: answer.toString('base64') }], ...rest }),
      });
    });
    await here.page.click('#retry');
    await here.answered('S@96:fp32');
    assert.equal(await here.text('#query-name'), 'secret.png');
    assert.equal(await here.page.isVisible('#query-unshown'), true);
    assert.equal(await here.page.isVisible('#crop-toggle'), false);
    assert.equal((await here.hitIds())[0], here.image(3).id);
  });

  it('folds look-alikes into the best of them', async () => {
    await here.open(`#k=10&like=${here.image(1).id}`);
    await here.page.route('**/v1/search', async route => {
      const asked = route.request().postDataJSON() as { collapse?: unknown };
      // the small model's pictures are alike from here on
      const body = asked.collapse === true ? { ...asked, collapse: 0.9 } : asked;
      await route.continue({ postData: JSON.stringify(body) });
    });
    await here.page.waitForSelector('#hits > li:nth-child(10)');
    await here.page.click('#fold');
    await here.page.waitForSelector('#hits > li .copies:visible');
    assert.match(new URL(here.page.url()).hash, /&folded&/);
    const copies = Number(/\d+/.exec(await here.text('#hits > li .copies:visible'))![0]);
    await here.isAccessible();
    await here.screenshot('folded');
    await here.page.locator('#hits > li:not([data-copies="0"]) .hit').first().click();
    await here.page.waitForSelector('#viewer-copies:visible');
    assert.equal(await here.page.locator('#viewer-copies-list li').count(), copies);
    await here.screenshot('viewer');
    await here.page.locator('#viewer-copies-list button').first().click();
    await here.page.waitForSelector('#viewer-rank:text-is("A near-duplicate")');
    await here.page.click('#viewer-close');
    await here.page.click('#fold');
    await here.page.waitForSelector('#hits > li .copies:visible', { state: 'detached' });
  });

  it('compares any two points', async () => {
    await here.open('#at=S@96:fp32');
    await here.upload(5);
    await here.answered('S@96:fp32');
    await here.page.click('#side-toggle');
    await here.page.selectOption('#side-at', 'M@160:fp32');
    await here.page.waitForSelector('#side > div:nth-child(2) h3:text-is("M@160")');
    const ids = (i: number) => here.attributes(`#side > div:nth-child(${i}) li`, 'data-id');
    assert.deepEqual((await ids(1)).map(Number), await here.searchByApi(5, 'S@96:fp32'));
    assert.deepEqual((await ids(2)).map(Number), await here.searchByApi(5, 'M@160:fp32'));
    await here.isAccessible();
    await here.screenshot('any-two-points');
    // a hit that neither the answer nor the full model has opens as well
    const known = [...(await here.searchByApi(5, 'S@96:fp32')), ...(await here.searchByApi(5, full))].map(String);
    const third = here.page.locator('#side > div:nth-child(2) li');
    const strangers = (await ids(2)).filter(id => !known.includes(id));
    for (const [i, id] of (await ids(2)).entries()) {
      await third.nth(i).locator('button').click();
      assert.equal(await here.page.getAttribute('#viewer-image', 'src'), `/v1/images/${id}/thumbnail`);
      const isStrange = (await here.text('#viewer-rank')) === 'Only at the point beside';
      assert.equal(isStrange, strangers.includes(id));
      await here.page.click('#viewer-close');
    }
    assert.ok(strangers.length > 0, 'every hit of the third point is known');
  });
}
