import assert from 'node:assert/strict';
import { copyFile } from 'node:fs/promises';
import { sharp } from '../../../src/image/sharp.js';
import type { PageTest } from '../../support/page.js';

const note = { name: 'note.txt', mimeType: 'text/plain', buffer: Buffer.from('not a picture') };

/** Pictures that come in some other way, or that are none. */
export function intake(page: () => PageTest) {
  let here: PageTest;
  before(() => (here = page()));

  it('says what is wrong with a file, and goes on afterwards', async () => {
    await here.open('#at=L@160:fp32');
    await here.page.setInputFiles('#intro input[type=file]', note);
    await here.page.waitForSelector('#failure-code:text-is("IMAGE_UNSUPPORTED")');
    assert.match(await here.text('#failure'), /not a supported picture.*JPEG/);
    assert.equal(await here.page.isVisible('#hits'), false);
    await here.page.click('#start-over');
    await here.startFromSample(1);
    await here.answered('L@160:fp32');
    assert.equal(await here.page.isVisible('#failure'), false);
  });

  it('says when the server is gone, and tries again', async () => {
    await here.open('#at=L@160:fp32');
    await here.page.route('**/v1/search*', route => route.abort());
    await here.upload(4);
    await here.page.waitForSelector('#failure-code:text-is("UNREACHABLE")');
    await here.page.unroute('**/v1/search*');
    await here.page.click('#retry');
    await here.answered('L@160:fp32');
    assert.equal(await here.page.evaluate('document.activeElement.id'), 'hits-title');
  });

  it('says when a file cannot be read any more', async () => {
    const file = `${here.searcher.index.folder}/edited.png`;
    await copyFile(here.file(3), file);
    await here.open('#at=S@96:fp32');
    await here.page.setInputFiles('#intro input[type=file]', file);
    await here.answered('S@96:fp32');
    await copyFile(here.file(4), file);
    await here.choose('M');
    await here.page.waitForSelector('#failure-code:text-is("PAGE")');
    assert.match(await here.text('#failure'), /^The picture cannot be read it may have been changed/);
  });

  it('offers no crop of a picture that the browser cannot show', async () => {
    await here.open('#at=S@96:fp32');
    const buffer = await sharp(here.file(3)).tiff().toBuffer();
    await here.page.setInputFiles('#intro input[type=file]', { name: 'a.tiff', mimeType: 'image/tiff', buffer });
    await here.page.waitForSelector('#query-unshown:visible');
    await here.answered('S@96:fp32');
    assert.equal(await here.page.isVisible('#crop-toggle'), false);
    await here.isAccessible();
    await here.screenshot('no-preview');
    await here.page.setInputFiles('#query input[type=file]', here.file(3));
    await here.page.click('#crop-toggle');
    await here.page.waitForSelector('#crop-box:visible');
    await here.compared();
    await here.page.dispatchEvent('#query-image', 'error');
    await here.page.click('#crop-toggle:text-is("Whole picture")');
    await here.page.waitForSelector('#crop-toggle', { state: 'hidden' });
    assert.equal(await here.page.evaluate('document.activeElement.id'), 'hits-title');
    await here.compared();
  });

  it('keeps an answer when what comes after it fails', async () => {
    await here.open('#at=XL@224:fp32&k=10');
    await here.upload(0);
    await here.answered('XL@224:fp32');
    await here.page.route('**/v1/search*', route => route.abort());
    await here.page.click('#more');
    await here.page.waitForSelector('#trouble:has-text("cannot be reached")');
    assert.equal(await here.page.isVisible('#failure'), false);
    assert.equal((await here.hitIds()).length, 10);
    await here.isAccessible();
    await here.screenshot('trouble');
    await here.page.unroute('**/v1/search*');
    await here.page.click('#more');
    await here.page.waitForSelector('#hits > li:nth-child(20)');
    assert.equal(await here.page.isVisible('#trouble'), false);

    await here.open('#at=S@96:fp32');
    await here.upload(5);
    await here.answered('S@96:fp32');
    await here.page.click('#side-toggle');
    await here.page.route('**/v1/search*', route => route.abort());
    await here.page.selectOption('#side-at', 'L@112:fp32');
    await here.page.waitForSelector('#trouble:visible');
    assert.equal(await here.page.locator('#side li:visible').count(), 20);
    await here.page.unroute('**/v1/search*');
  });

  it('keeps an answer whose point cannot be timed again', async () => {
    await here.open('#at=S1-L1@160:fp32');
    let asked = 0;
    await here.page.route('**/v1/search*', route => (asked++ === 0 ? route.continue() : route.abort()));
    await here.upload(4);
    await here.page.waitForSelector('#cost[data-state="uncompared"]');
    assert.match(await here.text('#cost-note'), /^S1-L1@160 could not be asked: /);
    assert.equal((await here.hitIds()).length, 10);
    assert.equal(await here.page.isVisible('#failure'), false);
  });

  it('takes a pasted and a dropped picture', async () => {
    await here.open('#at=XL@224:fp32');
    await here.startFromSample();
    await here.answered('XL@224:fp32');
    for (const [kind, id] of [
      ['paste', here.image(6).id],
      ['drop', here.image(7).id],
    ] as const) {
      await here.page.click('#hits .hit'); // what is open is about the query before
      await here.page.waitForSelector('#viewer[open]');
      await here.page.evaluate(
        `(async () => {
          const blob = await (await fetch('/v1/images/${id}/thumbnail')).blob();
          const data = new DataTransfer();
          data.items.add(new File([blob], '${kind}.webp', { type: blob.type }));
          const options = { bubbles: true, cancelable: true };
          document.body.dispatchEvent(${kind === 'paste'}
            ? new ClipboardEvent('paste', { ...options, clipboardData: data })
            : new DragEvent('drop', { ...options, dataTransfer: data }));
        })()`,
      );
      await here.page.waitForSelector(`#query-name:text-is("${kind}.webp")`);
      assert.equal(await here.page.locator('dialog[open]').count(), 0);
      await here.page.waitForSelector(`#hits > li:first-child[data-id="${id}"]`);
    }
  });
}
