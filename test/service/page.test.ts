import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { PageTest, hasBrowser } from '../support/page.js';
import { temporaryFolder } from '../support/temporary.js';
import { budgeting } from './page/budget.js';
import { intake } from './page/intake.js';
import { onPhones } from './page/phone.js';
import { refining } from './page/refine.js';
import { searching } from './page/search.js';

describe('the page, in Chromium', function () {
  const inFolder = temporaryFolder();
  let here: PageTest | undefined;
  let desk: Page;

  before(async function () {
    if (!hasBrowser) {
      console.log('      there is no Chromium: the page is not tested');
      this.skip();
    }
    here = await PageTest.start(inFolder('.'));
    desk = await here.desk();
  });
  after(() => here?.stop());
  beforeEach(() => {
    here!.errors = [];
    here!.page = desk;
  });
  afterEach(async () => {
    await here!.page.unrouteAll();
    assert.deepEqual(here!.errors, []);
  });

  for (const journeys of [searching, budgeting, refining, intake, onPhones]) journeys(() => here!);
});
