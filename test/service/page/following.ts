import assert from 'node:assert/strict';
import type { PageTest } from '../../support/page.js';

/** Following an address to a picture that the page has to ask for. */
export function following(page: () => PageTest) {
  let here: PageTest;
  before(() => (here = page()));

  const hash = () => new URL(here.page.url()).hash;
  /** From an answer to an upload. */
  const goTo = async (address: string) => {
    await here.open('#at=S@96:fp32');
    await here.upload(2);
    await here.answered('S@96:fp32');
    await here.page.focus('#crop-toggle');
    await here.page.evaluate(`location.hash = '${address}'`);
  };

  it('shows nothing of the query before while the picture is on its way, and keeps its address', async () => {
    const { id } = here.image(5);
    let arrive: (() => void) | undefined;
    const arrived = new Promise<void>(resolve => (arrive = resolve));
    await here.page.route(`**/v1/images/${id}`, async route => {
      await arrived;
      await route.continue();
    });
    await goTo(`#at=S@96:fp32&k=10&like=${id}`);
    await here.page.waitForSelector('body[data-view="searching"]');
    assert.equal(await here.page.isVisible('#panel'), false);
    assert.equal(await here.page.evaluate('document.activeElement.id'), 'hits-title');
    assert.deepEqual(await here.hitIds(), Array(10).fill(0)); // placeholders
    await here.page.selectOption('#k', '20');
    assert.equal(hash(), `#at=S@96:fp32&k=10&like=${id}`);
    arrive!();
    await here.page.waitForSelector('#hits > li:nth-child(20)[data-id]');
    assert.equal((await here.hitIds())[0], id);
    assert.equal(hash(), `#at=S@96:fp32&k=20&like=${id}`);
    assert.equal(await here.page.isVisible('#panel'), true);
  });

  it('says that there is no such picture, and takes none for it', async () => {
    await goTo('#at=S@96:fp32&k=10&like=99999');
    await here.page.waitForSelector('#failure-code:text-is("NOT_FOUND")');
    assert.equal(await here.page.isVisible('#panel'), false);
    assert.equal(hash(), '#at=S@96:fp32&k=10&like=99999');
    await here.page.goBack();
    await here.answered('S@96:fp32');
    assert.equal(await here.page.isVisible('#panel'), true);
    assert.equal((await here.hitIds()).length, 10);
  });
}
