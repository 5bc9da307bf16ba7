import assert from 'node:assert/strict';
import { type PageTest, full } from '../../support/page.js';

/** The latency budget, and what it buys. */
export function budgeting(page: () => PageTest) {
  let here: PageTest;
  before(() => (here = page()));

  const parts = ['modes', 'budget-part', 'point-part'];
  const shownParts = async () => {
    const shown = await Promise.all(parts.map(id => here.page.isVisible(`#${id}`)));
    return parts.filter((_, i) => shown[i]);
  };

  it('chooses the operating point by a budget, and marks it on the frontier', async () => {
    await here.open('#budget=50000');
    await here.upload(4);
    await here.answered(full);
    assert.equal(await here.page.isChecked('#by-budget'), true);
    assert.equal(await here.page.locator('#frontier circle.in').count(), 3);
    assert.match(await here.text('#budget-choice'), /^XL@224:fp32 keeps 100% of the full model’s ranking$/);
    assert.match(await here.text('#cost-note'), /^XL@224:fp32 is the most faithful that fits: .* in time\.$/);
    assert.match((await here.page.getAttribute('#frontier', 'aria-label'))!, /of 3 operating points, from S@96:fp32/);
    await here.isAccessible();
    await here.screenshot('budget');
  });

  it('says when a point was chosen for the sake of other requests', async () => {
    await here.open('#budget=50000');
    await here.page.route('**/v1/search*', async route => {
      const asked = new URL(route.request().url());
      if (!asked.searchParams.has('budgetMs')) return route.continue();
      // as a busy server would choose
      asked.searchParams.delete('budgetMs');
      asked.searchParams.set('at', 'S@96:fp32');
      const response = await route.fetch({ url: asked.href });
      const answer = (await response.json()) as { cost: object };
      const budget = { ms: 50_000, slackMs: 49_000, allowedMs: 300, met: true };
      return route.fulfill({ response, json: { ...answer, cost: { ...answer.cost, why: 'fits', rate: 40, budget } } });
    });
    await here.upload(4);
    await here.answered('S@96:fp32');
    assert.match(await here.text('#cost-note'), /^S@96:fp32 is the most faithful that fits beside other requests: /);
  });

  it('sets the budget by a click on the chart, and not as a finger scrolls over it', async () => {
    await here.open('#budget=50000');
    await here.upload(4);
    await here.answered(full);
    const before = await here.text('#budget-value');
    for (const type of ['pointerdown', 'pointercancel'])
      await here.page.dispatchEvent('#frontier', type, { button: 0 });
    await here.page.click('#frontier', { button: 'right', position: { x: 100, y: 60 } });
    assert.equal(await here.text('#budget-value'), before);
    await here.page.click('#frontier', { position: { x: 100, y: 60 } });
    assert.notEqual(await here.text('#budget-value'), before);
    await here.page.waitForURL(({ hash }) => !hash.startsWith('#budget=50000&'));
    await here.compared();
  });

  it('moves the budget by keys, and says when nothing fits', async () => {
    await here.open('#budget=0.1');
    await here.upload(4);
    await here.compared();
    assert.match(
      await here.text('#cost-note'),
      /^Nothing is sure to fit in 0.1 ms now: .* is the fastest\. .* too late\.$/,
    );
    assert.equal(await here.page.locator('#frontier circle.in').count(), 0);
    await here.page.focus('#budget');
    await here.page.keyboard.press('ArrowRight');
    await here.page.waitForURL(({ hash }) => !hash.startsWith('#budget=0.1&'));
    assert.match((await here.page.getAttribute('#budget', 'aria-valuetext'))!, /^[\d.]+ ms: .* fidelity$/);
    await here.page.keyboard.press('End');
    await here.page.waitForSelector('#frontier circle.in');
    await here.compared();
  });

  it('keeps to a budget that the address asks for, though the frontier comes late', async () => {
    await here.page.route('**/v1/frontier', route => route.abort());
    await here.open('#budget=50000');
    await here.upload(4);
    await here.answered('L@160:fp32');
    assert.deepEqual(await shownParts(), ['point-part']);
    assert.match(new URL(here.page.url()).hash, /^#budget=50000&/);
    await here.page.unroute('**/v1/frontier');
    await here.answered(full);
    assert.deepEqual(await shownParts(), ['modes', 'budget-part']);
    assert.match(new URL(here.page.url()).hash, /^#budget=50000&/);
  });

  it('has a picture searched by the budget that was chosen before the frontier was there', async () => {
    let answer: (() => void) | undefined;
    const asked = new Promise<void>(resolve => (answer = resolve));
    await here.page.route('**/v1/frontier', async route => {
      await asked;
      await route.continue();
    });
    await here.open('#budget=50000');
    await here.upload(4);
    await here.answered('L@160:fp32');
    assert.ok((await here.page.inputValue('#k')) !== '');
    answer!();
    await here.answered(full);
    assert.deepEqual(await shownParts(), ['modes', 'budget-part']);
  });

  it('has points chosen by hand where there is one alone, and a budget as soon as there are more', async () => {
    await here.page.route('**/v1/frontier', async route => {
      const response = await route.fetch();
      const frontier = (await response.json()) as { points: object[] };
      await route.fulfill({ response, json: { ...frontier, points: frontier.points.slice(-1) } });
    });
    await here.open();
    await here.upload(4);
    await here.answered('L@160:fp32');
    assert.deepEqual(await shownParts(), ['point-part']);
    await here.choose('S');
    await here.answered('S@160:fp32');
    await here.page.unroute('**/v1/frontier');
    await here.page.waitForSelector('#modes:visible');
    assert.equal(await here.page.isChecked('#by-hand'), true); // as somebody has chosen
    await here.page.locator('label:has(> #by-budget)').click();
    await here.page.waitForURL(({ hash }) => hash.startsWith('#budget='));
    await here.compared();
    assert.match(await here.text('#cost-note'), / in time\.$| too late\.$/);
  });

  it('shows hits side by side with the full model’s', async () => {
    await here.open('#at=S@96:fp32');
    await here.upload(5);
    await here.answered('S@96:fp32');
    await here.page.click('#side-toggle');
    const columns = here.page.locator('#side > div');
    assert.deepEqual(await columns.locator('h3').allInnerTexts(), ['S@96', 'XL@224']);
    const ids = (i: number) => here.attributes(`#side > div:nth-child(${i}) li`, 'data-id');
    assert.deepEqual((await ids(1)).map(Number), await here.searchByApi(5, 'S@96:fp32'));
    assert.deepEqual((await ids(2)).map(Number), await here.searchByApi(5, full));
    const theirs = await ids(2);
    const only = (await ids(1)).filter(id => !theirs.includes(id));
    assert.equal(await columns.first().locator('[data-kind="only"]').count(), only.length);
    await here.isAccessible();
    await here.screenshot('side-by-side');
    await here.page.click('#side-toggle');
    await here.upload(1);
    await here.compared();
    assert.equal(await columns.count(), 0); // those were another picture's
    assert.equal(await here.page.isVisible('#list'), true);
    assert.equal(await here.page.isVisible('#hits'), true);
  });

  it('goes back to points chosen by hand', async () => {
    await here.open('#budget=50000');
    await here.upload(6);
    await here.answered(full);
    await here.page.locator('label:has(> #by-hand)').click();
    await here.answered('L@160:fp32');
    assert.match(new URL(here.page.url()).hash, /^#at=L@160:fp32&/);
  });

  it('lets a move of the budget go that had not counted yet when something else was chosen', async () => {
    await here.open('#budget=50000');
    await here.upload(6);
    await here.answered(full);
    await here.page.focus('#budget');
    await here.page.keyboard.press('ArrowLeft');
    await here.page.locator('label:has(> #by-hand)').click();
    await here.answered('L@160:fp32');
    await here.page.waitForTimeout(400); // longer than a slider rests before it counts
    assert.equal(await here.page.isChecked('#by-hand'), true);
    assert.match(new URL(here.page.url()).hash, /^#at=L@160:fp32&/);
  });
}
