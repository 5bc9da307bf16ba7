import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { type PageTest, full } from '../../support/page.js';

/** Searches that grow out of others. */
export function refining(page: () => PageTest, size: 'desk' | 'phone') {
  let here: PageTest;
  before(() => (here = page()));

  const searchJson = async (body: object): Promise<number[]> => {
    const headers = { 'Content-Type': 'application/json' };
    const answer = await fetch(`${here.server.url}/v1/search`, { method: 'POST', headers, body: JSON.stringify(body) });
    return ((await answer.json()) as { hits: { id: number }[] }).hits.map(({ id }) => id);
  };
  /** Waits until these are the hits. */
  const shows = async (ids: readonly number[]) => {
    for (const [i, id] of ids.entries())
      await here.page.waitForSelector(`#hits > li:nth-child(${i + 1})[data-id="${id}"]`);
    assert.deepEqual((await here.hitIds()).slice(0, ids.length), ids); // more may follow when it scrolls
  };
  /** Waits until these are the hits, and there are no others: they may have been the first of the hits before too. */
  const showsOnly = async (ids: readonly number[]) => {
    await shows(ids);
    await here.page.waitForSelector(`#hits > li:nth-child(${ids.length + 1})`, { state: 'detached' });
    assert.deepEqual(await here.hitIds(), ids);
  };

  it('searches with a picture of the index, for which nothing is encoded', async () => {
    await here.open(`#like=${here.image(3).id}`);
    await here.page.waitForSelector('#cost[data-state="stored"]');
    await shows(await searchJson({ like: [{ id: here.image(3).id }] }));
    assert.match(await here.text('.stored'), /^Nothing had to be encoded/);
    await here.isAccessible();
    await here.page.click('#encode');
    await here.compared();
    assert.match(new URL(here.page.url()).hash, new RegExp(`&sample=${here.image(3).id}$`));
  });

  it('finds more like one hit and less like another, each as much as it matters', async () => {
    const [first, second, third] = [here.image(1).id, here.image(2).id, here.image(4).id];
    await here.open(`#k=20&like=${first}`);
    await here.page.waitForSelector('#hits > li:nth-child(20)');
    await here.page.locator(`#hits > li[data-id="${second}"] .more-like`).focus();
    await here.page.keyboard.press('Enter');
    await shows(await searchJson({ k: 20, like: [{ id: first }, { id: second }] }));
    await here.page.locator(`#hits > li[data-id="${third}"] .hit`).click();
    await here.page.click('#viewer-less-like');
    await shows(await searchJson({ k: 20, like: [{ id: first }, { id: second }], unlike: [{ id: third }] }));
    assert.equal(await here.page.locator('.example[data-sign="unlike"]').count(), 1);
    await here.isAccessible();
    await here.screenshot('more-and-less-like');

    await here.page.locator('.example input').nth(2).fill('0.3');
    const unlike = [{ id: third, weight: 0.3 }];
    await shows(await searchJson({ k: 20, like: [{ id: first }, { id: second }], unlike }));
    await here.page.locator('.example button').first().click();
    await shows(await searchJson({ k: 20, like: [{ id: second }], unlike }));
    await here.page.goBack();
    await shows(await searchJson({ k: 20, like: [{ id: first }, { id: second }], unlike }));
  });

  it('keeps the focus where it was, or else on the title of the hits', async () => {
    const [first, second] = [here.image(1).id, here.image(2).id];
    const focused = (what: string) => here.page.evaluate<string>(`document.activeElement.${what}`);
    await here.open(`#k=20&like=${first}`);
    await here.page.waitForSelector('#hits > li:nth-child(20)');
    await here.page.locator(`#hits > li[data-id="${second}"] .more-like`).focus();
    await here.page.keyboard.press('Enter');
    await shows(await searchJson({ k: 20, like: [{ id: first }, { id: second }] }));
    assert.equal(await focused('closest("li").dataset.id'), String(second));
    assert.match(await focused('className'), /more-like/);

    await here.page.locator('.example input').nth(1).focus();
    for (let i = 0; i < 5; i++) await here.page.keyboard.press('ArrowLeft');
    await shows(await searchJson({ k: 20, like: [{ id: first }, { id: second, weight: 0.5 }] }));
    assert.equal(await focused('type'), 'range');
    await here.page.keyboard.press('ArrowLeft'); // it is still in use
    await shows(await searchJson({ k: 20, like: [{ id: first }, { id: second, weight: 0.4 }] }));
    await here.page.locator('.example button').nth(1).focus();
    await here.page.keyboard.press('Enter');
    assert.equal(await focused('id'), 'hits-title');

    await here.open('#min=1&k=10&at=S@96:fp32');
    await here.upload(2);
    await here.compared();
    await here.page.focus('#any-score');
    await here.page.keyboard.press('Enter');
    await here.page.waitForSelector('#hits > li:nth-child(10)');
    assert.equal(await focused('id'), 'hits-title');

    await here.compared();
    await here.page.click('#side-toggle');
    await here.page.locator('#side button').first().click();
    await here.page.click('#viewer-more-like');
    await here.page.waitForSelector('.example:nth-child(2)');
    await here.compared(); // the hits' grid is there only until both sides are again
    assert.equal(await focused('id'), 'hits-title');
  });

  it('lets a weight go that had not counted yet when its picture was left out', async () => {
    await here.open(`#k=20&like=${here.image(1).id}`);
    await here.page.waitForSelector('#hits > li:nth-child(20)');
    await here.page.locator(`#hits > li[data-id="${here.image(2).id}"] .more-like`).click();
    await here.page.waitForSelector('.example:nth-child(2)');
    await here.page.locator('.example input').nth(1).fill('0.3');
    await here.page.locator('.example button').nth(1).click();
    await here.page.waitForTimeout(500); // longer than a slider rests before it counts
    assert.equal(await here.page.isVisible('#examples'), false);
    assert.match(new URL(here.page.url()).hash, new RegExp(`&like=${here.image(1).id}$`));
  });

  // on a phone, a finger that moves scrolls: phone.ts
  if (size === 'desk')
    it('crops by dragging on the picture, and by keys', async () => {
      await here.open('#at=XL@224:fp32');
      await here.upload(2);
      await here.answered('XL@224:fp32');
      const { x, y, width, height } = (await here.page.locator('#crop-area').boundingBox())!;
      await here.page.mouse.move(x + 0.25 * width, y + 0.25 * height);
      await here.page.mouse.down();
      await here.page.mouse.move(x + 0.75 * width, y + 0.75 * height, { steps: 3 });
      const cropped = here.page.waitForRequest(request => request.url().includes('crop='));
      await here.page.mouse.up();
      const sides = new URL((await cropped).url()).searchParams.get('crop')!.split(',').map(Number);
      for (const [i, side] of [0.25, 0.25, 0.5, 0.5].entries())
        assert.ok(Math.abs(sides[i]! - side) < 0.01, sides.join());
      await here.compared();
      await here.page.focus('#crop-box');
      const moved = here.page.waitForRequest(request => request.url().includes('crop='));
      await here.page.keyboard.press('ArrowRight');
      assert.ok(Number(new URL((await moved).url()).searchParams.get('crop')!.split(',')[0]) > sides[0]!);
      assert.match((await here.page.getAttribute('#crop-box', 'aria-label'))!, /^Crop: 50% by 50%/);
      await here.compared();
      await here.isAccessible();
      await here.screenshot('crop');
      await here.page.keyboard.press('Escape');
      await here.page.waitForSelector('#crop-box', { state: 'hidden' });
      assert.equal(await here.page.evaluate('document.activeElement.id'), 'crop-toggle');
      await here.compared();
    });

  it('narrows the hits by facets', async () => {
    await here.open(`#k=20&like=${here.image(1).id}`);
    const chip = here.page.locator('.chip:has(.chip-name:text-is("1"))');
    await chip.waitFor();
    assert.equal(await here.text('.chip:nth-child(1) .chip-count'), '8');
    await chip.click();
    const ofLabel = await searchJson({ k: 20, like: [{ id: here.image(1).id }], filter: { label: '1' } });
    assert.equal(ofLabel.length, 8);
    await showsOnly(ofLabel);
    assert.equal(await here.page.locator('.chip').count(), 3); // the others can be added
    await here.isAccessible();
    await here.page.reload();
    await showsOnly(ofLabel);
    await here.page.locator('.chip:has(:checked)').click();
    await here.page.waitForSelector('#hits > li:nth-child(20)');
  });

  it('keeps facets as they are chosen where nothing is found, or where they cannot be counted', async () => {
    const chosen = () => here.page.locator('.chip:has(:checked) .chip-name').allInnerTexts();
    const chip = here.page.locator('.chip:has(.chip-name:text-is("1"))');
    const isFiltered = () => new URL(here.page.url()).hash.includes('&only=');
    await here.open('#k=20&at=S@96:fp32');
    await here.upload(2);
    await chip.click();
    await here.page.waitForSelector('#hits > li:nth-child(9)', { state: 'detached' });
    await here.page.fill('#threshold', '1');
    await here.page.waitForSelector('#no-filter:visible');
    await here.compared();
    assert.deepEqual(await chosen(), ['1']);
    await here.page.click('#no-filter');
    assert.deepEqual([await chosen(), isFiltered()], [[], false]);
    await here.compared();
    assert.deepEqual([await chosen(), await chip.locator('.chip-count').innerText()], [[], '8']);
    await chip.click();
    assert.deepEqual([await chosen(), isFiltered()], [['1'], true]);
    await here.page.route('**/v1/search', route => route.abort());
    await here.page.click('#no-filter');
    await here.compared();
    assert.deepEqual([await chosen(), isFiltered()], [[], false]);
  });

  it('says so when nothing is similar enough, and shows the nearest all the same', async () => {
    await here.open('#min=1&k=10&at=S@96:fp32');
    await here.upload(2);
    await here.page.waitForSelector('#nothing:visible');
    assert.match(
      await here.text('#nothing'),
      /^Nothing like it here No picture of the index has a similarity of 1\.00/,
    );
    await here.compared();
    await here.isAccessible();
    await here.screenshot('nothing-like-it');
    await here.page.click('#any-score');
    await here.page.waitForSelector('#hits > li:nth-child(10)');
    assert.equal(await here.page.isVisible('#nothing'), false);
  });

  it('says that nothing is like it where nothing is shown', async () => {
    await here.open('#min=1&k=10&at=S@96:fp32');
    await here.page.route('**/v1/search*', async route => {
      const response = await route.fetch();
      const answer = (await response.json()) as object;
      await route.fulfill({ response, json: { ...answer, familiarity: 0.01, nothingLikeIt: true } });
    });
    await here.upload(2);
    await here.compared();
    assert.match(
      await here.text('#nothing'),
      / of 1\.00 or more at S@96\. 99% of the pictures here have a nearer neighbour than yours has\./,
    );
    assert.equal(await here.page.isVisible('#unfamiliar'), false);
    await here.page.click('#any-score');
    await here.page.waitForSelector('#unfamiliar:visible');
    assert.match(await here.text('#unfamiliar'), /^Nothing like it here These are the nearest, but 99% of/);
  });

  it('compares with all that the full model has, where the answer has less', async () => {
    const scoresOf = async (at: string) => {
      const body = Uint8Array.from(await readFile(here.file(0)));
      const response = await fetch(`${here.server.url}/v1/search?k=10&at=${at}`, { method: 'POST', body });
      const { hits } = (await response.json()) as { hits: { id: number; score: number }[] };
      return new Map(hits.map(({ id, score }) => [id, score]));
    };
    const [small, whole] = [await scoresOf('S@96:fp32'), await scoresOf(full)];
    const above = (scores: ReadonlyMap<number, number>, least: number) =>
      [...scores].filter(([, score]) => score >= least).map(([id]) => id);
    const more = (least: number) => above(whole, least).length - above(small, least).length;
    const between = [...small.values(), ...whole.values()].map(score => Number((score - 1e-4).toFixed(5)));
    const [least] = between.filter(one => above(small, one).length > 0).sort((a, b) => more(b) - more(a));
    assert.ok(more(least!) > 0);
    const [ours, theirs] = [above(small, least!), above(whole, least!)];
    const same = ours.filter(id => theirs.includes(id)).length;

    await here.open(`#min=${least}&k=10&at=S@96:fp32`);
    await here.upload(0);
    await here.compared();
    assert.deepEqual(await here.hitIds(), ours);
    assert.equal(await here.text('#same'), `${same} of ${theirs.length} hits the same as XL@224`);
    assert.equal(await here.page.locator('#pips i').count(), theirs.length);
    assert.equal(await here.page.locator('#missed-list li').count(), theirs.length - same);
  });

  it('claims nothing of what the full model was not asked for', async () => {
    await here.open('#k=10&at=S@96:fp32');
    await here.upload(0);
    await here.compared();
    const missed = await here.attributes('#missed-list button', 'aria-label');
    assert.ok(missed.length > 0);
    await here.page.click('#more');
    await here.page.waitForSelector('#hits > li:nth-child(20)');
    await here.page.mouse.wheel(0, 5000);
    await here.page.waitForSelector('#hits > li:nth-child(24)'); // all there are
    assert.equal(await here.page.isVisible('#missed'), false);
    await here.page.click('#hits > li:nth-child(24) .hit');
    assert.equal(await here.text('#viewer-rank'), 'Hit 24 of 24');
  });

  it('shows more hits as the end comes near, none twice', async () => {
    await here.open('#at=XL@224:fp32&k=10');
    await here.upload(0);
    await here.answered('XL@224:fp32');
    await here.page.click('#more');
    await here.page.waitForSelector('#hits > li:nth-child(20)');
    assert.equal(await here.text('#hits-title'), '20 nearest pictures');
    await here.page.mouse.wheel(0, 5000);
    await here.page.waitForSelector('#hits > li:nth-child(24)');
    await here.page.waitForSelector('#more', { state: 'hidden' });
    assert.equal(new Set(await here.hitIds()).size, 24);
  });
}
