import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { PageTest, hasBrowser } from '../support/page.js';
import { temporaryFolder } from '../support/temporary.js';
import { budgeting } from './page/budget.js';
import { following } from './page/following.js';
import { intake } from './page/intake.js';
import { keeping } from './page/keeping.js';
import { onPhones } from './page/phone.js';
import { refining } from './page/refine.js';
import { searching } from './page/search.js';
import { waysIn } from './page/ways-in.js';

describe('the page, in Chromium', function () {
  const inFolder = temporaryFolder();
  let here: PageTest | undefined;

  before(async function () {
    if (!hasBrowser) {
      console.log('      there is no Chromium: the page is not tested');
      this.skip();
    }
    here = await PageTest.start(inFolder('.'));
  });
  after(() => here?.stop());

  for (const size of ['desk', 'phone'] as const)
    describe(size === 'desk' ? 'on a desk' : 'on a phone', () => {
      let page: Page;
      before(async () => {
        page = await here![size]();
      });
      after(() => page?.close());
      beforeEach(() => {
        here!.errors = [];
        here!.page = page;
      });
      afterEach(async () => {
        await here!.page.unrouteAll();
        assert.deepEqual(here!.errors, []);
      });

      const journeys = [
        budgeting,
        refining,
        following,
        intake,
        waysIn,
        keeping,
        size === 'desk' ? searching : onPhones,
      ];
      for (const journey of journeys) journey(() => here!, size);
    });
});
