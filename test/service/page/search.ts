import assert from 'node:assert/strict';
import type { PageTest } from '../../support/page.js';

/** A picture in, hits and their cost out. */
export function searching(page: () => PageTest) {
  let here: PageTest;
  before(() => (here = page()));

  it('shows what it serves, and pictures to start from', async () => {
    await here.open();
    await here.page.waitForSelector('#samples-list img');
    assert.equal(await here.text('#health'), '24 pictures · onnx, 1 worker');
    assert.equal(await here.page.locator('#samples-list li').count(), 8);
    const before = await here.page.locator('#samples-list img').first().getAttribute('src');
    await here.page.click('#samples-more');
    await here.page.waitForSelector(`#samples-list li:first-child img:not([src="${before}"])`);
    assert.equal(await here.page.locator('#samples-list li').count(), 8);
  });

  for (const isLarge of [false, true])
    it(`finds other samples where pictures are missing, of ${isLarge ? 'many' : 'few'} pictures`, async () => {
      await here.page.route(/\/v1\/images\/\d*[02468]$/, route => route.fulfill({ status: 404, body: '{}' }));
      await here.page.route('**/v1/images?*', async route => {
        const response = await route.fetch();
        const { images } = (await response.json()) as { images: { id: number }[] };
        const odd = images.filter(({ id }) => id % 2 === 1);
        const json = isLarge ? { images: odd, total: 24, next: 'more' } : { images: odd, total: odd.length };
        await route.fulfill({ response, json });
      });
      await here.open();
      await here.page.waitForSelector('#samples-list img');
      const sources = await here.attributes('#samples-list img', 'src');
      assert.equal(sources.length, 8);
      assert.equal(new Set(sources).size, 8);
      for (const source of sources) assert.match(source, /\d*[13579]\/thumbnail$/);
    });

  it('finds samples where ids begin far from 1', async () => {
    await here.page.route('**/v1/images?*', async route => {
      const response = await route.fetch();
      const { images } = (await response.json()) as { images: object[] };
      const json = { images: images.map((image, i) => ({ ...image, id: 1e6 + i })), total: 1e5, next: 'more' };
      await route.fulfill({ response, json });
    });
    await here.page.route(/\/v1\/images\/\d+$/, route => route.fulfill({ status: 404, body: '{}' }));
    await here.open();
    await here.page.waitForSelector('#samples-list img');
    const sources = await here.attributes('#samples-list img', 'src');
    assert.equal(sources.length, 8);
    for (const source of sources) assert.match(source, /\/10000\d\d\/thumbnail$/);
  });

  it('searches with an uploaded file, and says what it cost', async () => {
    await here.open('#at=XL@224:fp32');
    await here.upload(3);
    await here.answered('XL@224:fp32');
    assert.equal((await here.hitIds()).length, 10);
    assert.equal((await here.hitIds())[0], here.image(3).id);
    assert.equal(await here.text('#hits > li:first-child .score'), '1.000');
    assert.equal(await here.page.textContent('#hits > li:first-child .path'), here.image(3).path);
    assert.equal(await here.text('#work'), '100% of the MACs');
    assert.match((await here.page.getAttribute('.bar', 'aria-label'))!, /decode [\d.]+ ms, wait .* encode .* search/);
    assert.match(await here.text('#announcement'), /^10 hits at XL@224:fp32 in [\d.]+ ms/);
  });

  it('searches again when the operating point changes, and compares with the full model', async () => {
    await here.open('#at=L@160:fp32');
    await here.upload(5);
    await here.answered('L@160:fp32');
    const work = await here.text('#work');
    await here.choose('S');
    await here.answered('S@160:fp32');
    await here.choose('112');
    await here.answered('S@112:fp32');
    assert.notEqual(await here.text('#work'), work);
    assert.match(await here.text('#same'), /^\d+ of 10 hits the same as XL@224$/);
    assert.match(await here.text('#faster'), /^([\d.]+ times (faster|slower) than|Same speed as) XL@224/);
    assert.equal(await here.text('.bar-row:last-child .bar-name'), 'XL@224:fp32');

    // what is marked, and what is missed, is what the answers say
    const same = Number((await here.text('#same')).split(' ')[0]);
    assert.equal(await here.page.locator('.badge[data-kind="extra"]:visible').count(), 10 - same);
    assert.equal(await here.page.locator('#missed-list li').count(), 10 - same);
    const full = await here.searchByApi(5, 'XL@224:fp32');
    const small = await here.searchByApi(5, 'S@112:fp32');
    assert.deepEqual(await here.hitIds(), small);
    assert.equal(small.filter(id => full.includes(id)).length, same);

    await here.choose('int8');
    await here.answered('S@112:int8');
    assert.equal(new URL(here.page.url()).hash, '#at=S@112:int8&k=10');
  });

  it('asks the full model once a picture', async () => {
    await here.open('#at=M@112:fp32');
    const asked: string[] = [];
    here.page.on('request', request => asked.push(new URL(request.url()).searchParams.get('at') ?? ''));
    const fullAsked = () => asked.filter(at => at === 'XL@224:fp32').length;
    await here.upload(1);
    await here.answered('M@112:fp32');
    const first = fullAsked();
    assert.ok(first >= 1 && first <= 2, `${first} times`); // the visit's first time is timed twice
    await here.choose('L');
    await here.answered('L@112:fp32');
    assert.equal(fullAsked(), first);
  });

  it('takes the point and the number of hits from its address, mixes too', async () => {
    await here.open('#at=S1-XL1@160:fp32&k=7');
    await here.startFromSample();
    await here.answered('S1-XL1@160:fp32');
    assert.equal((await here.hitIds()).length, 7);
    assert.equal(await here.page.inputValue('#at'), 'S1-XL1@160:fp32');
    await here.page.selectOption('#k', '20');
    await here.page.waitForSelector('#hits > li:nth-child(20)');
    await here.page.fill('#at', 'm2');
    await here.page.press('#at', 'Enter');
    await here.answered('M@160:fp32');
    await here.page.fill('#at', 'M9');
    await here.page.press('#at', 'Enter');
    await here.page.waitForSelector('#at-problem:has-text("9 layers")');
    assert.equal((await here.hitIds()).length, 20); // the last answer stays
    assert.equal(await here.page.inputValue('#at'), 'M9@160:fp32');
    // and what it was asked with
    assert.match(decodeURIComponent(await here.page.evaluate<string>('location.hash')), /at=M2@160:fp32/);
    await here.page.selectOption('#k', '10');
    await here.page.waitForSelector('#hits:not(:has(> li:nth-child(11)))');
    await here.answered('M@160:fp32');
  });

  it('compares with the full model, whatever its own resolution is', async () => {
    await here.page.route('**/v1/frontier', async route => {
      const response = await route.fetch();
      const json = (await response.json()) as { points: object[] };
      const points = ['S@96:fp32', 'XL@96:fp32', 'XL@160:fp32'].map(at => ({ ...json.points[0], at }));
      await route.fulfill({ response, json: { ...json, points } });
    });
    await here.open('#at=S@96:fp32');
    await here.upload(1);
    await here.page.waitForSelector('#cost:has-text("hits the same as XL@160")');
    assert.deepEqual(await here.attributes('[data-axis=resolution] input', 'value'), ['96', '160']);
    await here.page.unroute('**/v1/frontier');
  });

  it('opens a hit, searches with it, and goes back', async () => {
    await here.open('#at=XL@224:fp32');
    await here.upload(2);
    await here.answered('XL@224:fp32');
    const [first, , third] = await here.hitIds();
    await here.page.locator('.hit').nth(2).focus();
    await here.page.keyboard.press('Enter');
    await here.page.waitForSelector('#viewer[open]');
    assert.match(await here.text('#viewer-rank'), /^Hit 3 of 10/);
    await here.page.waitForSelector('#viewer-facts:has-text("SHA-256")');
    await here.page.keyboard.press('Escape');
    assert.equal(await here.page.evaluate('document.activeElement.closest("li").dataset.id'), String(third));
    await here.page.keyboard.press('Enter');
    await here.page.click('#viewer-search');
    await here.page.waitForSelector(`#hits > li:first-child[data-id="${third}"] .badge[data-kind="query"]`);
    assert.equal(new URL(here.page.url()).hash, `#at=XL@224:fp32&k=10&like=${third}`);
    await here.page.goBack();
    await here.page.waitForSelector(`#hits > li:first-child[data-id="${first}"]`);
    await here.page.goForward();
    await here.page.waitForSelector(`#hits > li:first-child[data-id="${third}"]`);
    await here.page.locator('.hit').nth(2).click();
    await here.page.waitForSelector('#viewer[open]');
    await here.page.goBack(); // the viewer was about the query before
    await here.page.waitForSelector(`#hits > li:first-child[data-id="${first}"]`);
    assert.equal(await here.page.isVisible('#viewer'), false);
  });
}
