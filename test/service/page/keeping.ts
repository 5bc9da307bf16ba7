import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, readFile } from 'node:fs/promises';
import { colourPicture } from '../../../src/evaluation/colours.js';
import { indexStatus } from '../../../src/service/index-status.js';
import { startServer } from '../../../src/service/server.js';
import { type PageTest, full } from '../../support/page.js';
import { testService } from '../../support/service.js';
import { smallSearcher } from '../../support/small.js';

let seed = 5000;

/** The state of the index, and keeping it. */
export function keeping(page: () => PageTest) {
  let here: PageTest;
  before(() => (here = page()));

  const openStatus = async () => {
    await here.open();
    await here.page.click('#health');
    await here.page.waitForSelector('#status-facts div');
  };
  const searcherState = () => here.searcher.index.catalogue.state();
  const fresh = async (name: string) => ({ name, mimeType: 'image/png', buffer: await colourPicture(seed++) });

  it('shows what is in the index', async () => {
    await openStatus();
    const { images, vectors } = searcherState();
    assert.match(
      await here.text('#status-facts'),
      new RegExp(`^Pictures ${images}.* Distinct ${vectors}.* catalogue,`),
    );
    await here.isAccessible();
    await here.screenshot('status');
    await here.page.keyboard.press('Escape');
    assert.equal(await here.page.evaluate('document.activeElement.id'), 'health');
  });
  it('adds pictures, which the next search finds, and takes one back', async () => {
    await openStatus();
    const before = searcherState().images;
    const [one, two] = [await fresh('one.png'), await fresh('two.png')];
    const note = { name: 'note.txt', mimeType: 'text/plain', buffer: Buffer.from('no picture') };
    await here.page.fill('#added-label', 'brand new');
    await here.page.setInputFiles('#add-files', [one, two, note]);
    await here.page.waitForSelector('#added-list li[data-state="added"]:nth-child(2)');
    await here.page.waitForSelector('#added-list li[data-state="failed"]:has-text("not a supported picture")');
    await here.page.waitForSelector(`#health-text:has-text("${before + 2} pictures")`);
    await here.isAccessible();
    await here.screenshot('added');
    await here.page.locator('#added-list li', { hasText: 'two.png' }).locator('.added-undo').click();
    await here.page.waitForSelector('#added-list li:has-text("two.png")', { state: 'detached' });
    assert.equal(searcherState().images, before + 1);
    await here.open('#at=XL@224:fp32');
    await here.page.setInputFiles('#intro input[type=file]', one);
    await here.page.waitForSelector('#hits > li:first-child .hit-label:text-is("brand new")');
    const added = here.searcher.index.catalogue.images().find(({ stored }) => stored)!;
    await fetch(`${here.server.url}/v1/images/${added.id}`, { method: 'DELETE' }); // as the other tests know it
    assert.equal(searcherState().images, before);
  });

  it('has a place in every dialog where screen readers hear what goes on meanwhile', async () => {
    await here.open();
    const silent = '[...document.querySelectorAll("dialog:not(:has([role=status]))")].map(({ id }) => id)';
    assert.deepEqual(await here.page.evaluate(silent), []);
  });

  it('says when a file that is to be added cannot be read any more', async () => {
    await openStatus();
    const file = `${here.searcher.index.folder}/edited.png`;
    await copyFile(here.file(3), file);
    // chosen now, and sent after it has been changed
    await here.page.evaluate(
      `addEventListener('change', event => event.stopPropagation(), { capture: true, once: true })`,
    );
    await here.page.setInputFiles('#add-files', file);
    await copyFile(here.file(4), file);
    await here.page.dispatchEvent('#add-files', 'change');
    await here.page.waitForSelector('#added-list li[data-state="failed"]:has-text("The picture cannot be read")');
  });

  it('says in its dialog what was done, and keeps the focus there', async () => {
    await openStatus();
    const says = (text: string) => here.page.waitForSelector(`#status [role=status]:text-is("${text}")`);
    const before = searcherState().images;
    await here.page.setInputFiles('#add-files', [await fresh('one.png'), await fresh('two.png')]);
    await says('2 pictures of 2 added.');
    await here.page.locator('.added-undo').first().focus();
    await here.page.keyboard.press('Enter');
    await says('Deleted again.');
    assert.equal(await here.page.evaluate('document.activeElement.closest("li").innerText.split("\\n")[0]'), 'two.png');
    await here.page.keyboard.press('Enter');
    await here.page.waitForSelector('#added-list li', { state: 'detached' });
    assert.equal(await here.page.evaluate('document.activeElement.id'), 'adding-title');
    assert.equal(await here.page.textContent('#announcement'), '');
    assert.equal(searcherState().images, before);
  });

  it('offers samples as soon as the index has pictures', async () => {
    const folder = await mkdtemp(`${here.searcher.index.folder}-empty-`);
    await mkdir(`${folder}/pictures`);
    const searcher = await smallSearcher(folder, 0);
    const server = await startServer(testService(searcher, { writable: true }));
    try {
      await here.page.goto(server.url);
      await here.page.waitForSelector('#empty-index:visible');
      await here.page.click('#health');
      await here.page.setInputFiles('#add-files', [await fresh('one.png'), await fresh('two.png')]);
      await here.page.waitForSelector('#samples-list li:nth-child(2) img');
      assert.equal(await here.page.isVisible('#empty-index'), false);
      await here.page.locator('.added-undo').first().click();
      await here.page.waitForSelector('#samples-list li:nth-child(2)', { state: 'detached' });
    } finally {
      await here.page.goto('about:blank');
      await server.stop();
      await searcher.close();
    }
  });

  it('says when the server is gone and when it is back, at the first look too', async () => {
    await here.page.route('**/v1/index', route => route.abort());
    await here.open();
    await here.page.waitForSelector('#health[data-state="down"]:has-text("The server cannot be reached")');
    assert.equal(await here.page.isVisible('#url-form'), false);
    await here.page.unroute('**/v1/index');
    await here.page.waitForSelector('#samples-list img');
    await here.page.waitForSelector('#url-form:visible');
    await here.page.route('**/v1/frontier', route => route.abort());
    await here.page.waitForSelector('#health[data-state="down"]');
    await here.page.unroute('**/v1/frontier');
    await here.page.waitForSelector('#health[data-state="ok"]:has-text("24 pictures")');
  });

  it('asks the full model anew after a change of the index', async () => {
    await here.open('#at=S@96:fp32');
    await here.upload(4);
    await here.answered('S@96:fp32');
    let asked = 0;
    here.page.on('request', request => (asked += Number(new URL(request.url()).searchParams.get('at') === full)));
    await here.choose('M');
    await here.answered('M@96:fp32');
    assert.equal(asked, 0);
    await here.page.click('#health');
    await here.page.setInputFiles('#add-files', [await fresh('three.png')]);
    await here.page.waitForSelector('#added-list li[data-state="added"]');
    await here.page.waitForSelector('#health-text:has-text("25 pictures")');
    await here.page.keyboard.press('Escape');
    await here.choose('L');
    await here.answered('L@96:fp32');
    assert.equal(asked, 1);
    await here.page.click('#health');
    await here.page.click('.added-undo');
    await here.page.waitForSelector('#health-text:has-text("24 pictures")');
    await here.page.keyboard.press('Escape');
    await here.choose('XL');
    await here.answered('XL@96:fp32');
    assert.equal(asked, 2);
  });

  it('takes up what has changed, and shows how far it is', async () => {
    await openStatus();
    const progress = { done: 12, total: 24, skipped: 12, failed: 0, rate: 80 };
    const running = { id: 'x', kind: 'reindex', state: 'running', started: '', progress };
    const event = `event: progress\ndata: ${JSON.stringify(running)}\n\n`;
    await here.page.route('**/v1/jobs/*/events', async route =>
      route.fulfill({ body: event, contentType: 'text/event-stream' }),
    );
    await here.page.route('**/v1/jobs/*', route => route.fulfill({ json: running }));
    // the first time the connection breaks, later ones it ends
    await here.page.evaluate(`{
      const fetched = window.fetch;
      window.fetch = (input, init) => {
        if (!String(input).endsWith('/events')) return fetched(input, init);
        window.fetch = fetched;
        const parts = [${JSON.stringify(event)}];
        return Promise.resolve(new Response(new ReadableStream({
          pull(stream) {
            const part = parts.shift();
            if (part === undefined) stream.error(new TypeError('network error'));
            else stream.enqueue(new TextEncoder().encode(part));
          },
        })));
      };
    }`);
    await here.page.click('#reindex');
    await here.page.waitForSelector('#job-text:text-is("12 of 24 pictures · 80 a second")');
    assert.equal(await here.page.getAttribute('#job-bar', 'value'), '12');
    await here.screenshot('reindexing');
    await here.page.unrouteAll(); // it is followed again, or seen to have ended
    await here.page.waitForSelector('#job-text:text-is("Up to date: 0 added, 0 updated, 0 removed, 24 unchanged")');
    assert.equal(await here.page.isVisible('#job-cancel'), false);
    assert.equal(await here.page.evaluate('document.activeElement.id'), 'reindex');
    await here.isAccessible();
  });

  it('follows a job no longer than the server tells of it', async () => {
    await openStatus();
    await here.page.route('**/v1/jobs/**', route => route.abort());
    await here.page.click('#reindex');
    await here.page.waitForSelector('#status-problem:has-text("cannot be reached")');
    await here.page.waitForSelector('#reindex:enabled');
    assert.equal(await here.page.isVisible('#job'), false);
  });

  it('says how a backup ended that was under way when the dialog was opened', async () => {
    await here.open();
    const job = { id: 'x', kind: 'snapshot', started: '' };
    await here.page.route('**/v1/index', async route => {
      const response = await route.fetch();
      const status = (await response.json()) as object;
      await route.fulfill({ response, json: { ...status, job: { ...job, state: 'running' } } });
    });
    await here.page.route('**/v1/jobs/x/events', route =>
      route.fulfill({
        body: `event: end\ndata: ${JSON.stringify({ ...job, state: 'succeeded', ended: '' })}\n\n`,
        contentType: 'text/event-stream',
      }),
    );
    await here.page.click('#health');
    await here.page.waitForSelector('#job-text:text-is("The backup is made")');
  });

  it('saves a backup', async () => {
    await openStatus();
    const [download] = await Promise.all([here.page.waitForEvent('download'), here.page.click('#backup')]);
    assert.match(download.suggestedFilename(), /^matvit-[\d-]+\.tar$/);
    assert.equal((await readFile(await download.path())).subarray(0, 11).toString(), 'backup.json');
    const { job } = indexStatus.parse(await (await fetch(`${here.server.url}/v1/index`)).json());
    assert.deepEqual([job?.kind, job?.state, job?.report], ['snapshot', 'succeeded', undefined]);
  });
}
