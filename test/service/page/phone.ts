import assert from 'node:assert/strict';
import type { PageTest } from '../../support/page.js';

/** On a phone. */
export function onPhones(page: () => PageTest) {
  let here: PageTest;
  before(() => (here = page()));

  it('fits a phone', async () => {
    await here.open('#at=L@160:fp32');
    const widths: unknown[] = [];
    const measure = async () => widths.push(await here.page.evaluate('document.documentElement.scrollWidth'));
    await here.page.waitForSelector('#samples-list img');
    await measure();
    await here.startFromSample();
    await here.answered('L@160:fp32');
    await measure();
    await here.page.locator('.hit').first().tap();
    await here.page.waitForSelector('#viewer[open]');
    await measure();
    assert.deepEqual(widths, [390, 390, 390]);
  });

  it('works in the dark, by touch', async () => {
    here.page = await here.phone({ colorScheme: 'dark' });
    await here.open('#budget=50000');
    await here.page.waitForSelector('#samples-list img');
    await here.isAccessible();
    await here.screenshot('phone-start');
    await here.startFromSample(2);
    await here.compared();
    await here.page.locator('#hits > li:nth-child(3) .more-like').tap();
    await here.page.waitForSelector('.example:nth-child(2)');
    await here.compared();
    await here.isAccessible();
    await here.screenshot('phone');
    await here.page.tap('#crop-toggle');
    await here.page.waitForSelector('#crop-box:visible');
    await here.compared();
    await here.page.tap('#crop-toggle');
    await here.page.waitForSelector('#crop-box', { state: 'hidden' });
    assert.equal(await here.page.evaluate('document.documentElement.scrollWidth'), 390);
  });
}
