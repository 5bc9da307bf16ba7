import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { Client, type SearchAnswer } from '../../src/client/client.js';
import * as schemas from '../../src/service/schemas.js';
import { picture, stripes } from '../corpus/pictures.js';
import { PageTest, full, hasBrowser } from '../support/page.js';
import { temporaryFolder } from '../support/temporary.js';

describe('a picture that the index has nothing like', () => {
  const inFolder = temporaryFolder();
  let here: PageTest;
  let client: Client;
  before(async () => {
    here = await PageTest.start(inFolder('.'), 110);
    client = new Client({ url: here.server.url });
    await writeFile(inFolder('stripes.png'), await stripes());
  });
  after(() => here.stop());

  it('is told from others over HTTP', async () => {
    const ask = async (of: Promise<Buffer>): Promise<SearchAnswer> =>
      schemas.answer.parse(await client.search(Uint8Array.from(await of), { k: 3, at: full }));
    const [own, other] = [await ask(picture(200)), await ask(stripes())];
    assert.ok(own.familiarity! > 0.02 && own.nothingLikeIt === false, String(own.familiarity));
    assert.ok(other.familiarity! <= 0.02 && other.nothingLikeIt === true, String(other.familiarity));
    const { vector } = await client.embed(Uint8Array.from(await stripes()), { at: full });
    const found = await client.searchVector({ vector, k: 3 });
    assert.deepEqual([found.familiarity, found.nothingLikeIt], [undefined, undefined]);
    assert.deepEqual(found.hits.map(({ id }) => id), other.hits.map(({ id }) => id)); // prettier-ignore
  });

  for (const [name, options] of Object.entries({
    desk: { viewport: { width: 1280, height: 900 } },
    dark: { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' },
    phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
  } as const))
    it(`is met with a notice on the page: ${name}`, async function () {
      if (!hasBrowser) this.skip();
      here.page = await here.newPage(options);
      await here.open(`#at=${full}&k=10`);
      await here.page.setInputFiles('#intro input[type=file]', inFolder('stripes.png'));
      await here.answered(full);
      assert.match(
        await here.text('#unfamiliar'),
        /^Nothing like it here These are the nearest, but 9[89]% of the pictures here have a nearer neighbour/,
      );
      assert.match(await here.text('#announcement'), /^Nothing like it here; 10 hits at XL@224:fp32/);
      assert.equal((await here.hitIds()).length, 10);
      await here.isAccessible();
      await here.screenshot(`unfamiliar-${name}`);
      await here.choose('112'); // of whose scores the calibration knows nothing
      await here.answered('XL@112:fp32');
      assert.ok(await here.page.isVisible('#unfamiliar'));
      assert.match(await here.text('#announcement'), /^Nothing like it here; 10 hits at XL@112:fp32/);
      await here.page.setInputFiles('#query input[type=file]', here.file(3));
      await here.page.waitForSelector('#unfamiliar', { state: 'hidden' });
      await here.compared();
      assert.equal(await here.page.isVisible('#unfamiliar'), false);
      assert.deepEqual(here.errors, []);
      await here.page.close();
    });
});
