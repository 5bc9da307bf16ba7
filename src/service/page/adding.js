/** Adding pictures to the index. */
import { Problem, client, thumbnailUrl } from './api.js';
import { announce, byId, fromTemplate } from './dom.js';
import { plural } from './format.js';
import { explain } from './query.js';

const list = byId('added-list', HTMLElement);
const label = byId('added-label', HTMLInputElement);
/** pictures on their way at the same time */
const width = 3;

/** @type {{ refresh: () => Promise<unknown>, say: (error: unknown) => void }} */
let page;

/** @param {typeof page} callbacks after a change, and when something fails */
export function makeAdding(callbacks) {
  page = callbacks;
  const input = byId('add-files', HTMLInputElement);
  input.addEventListener('change', async () => {
    page.say(undefined);
    const files = [...(input.files ?? [])];
    input.value = '';
    await add(files);
    await page.refresh().catch(page.say);
  });
}

/** @param {readonly File[]} files */
async function add(files) {
  const text = label.value.trim(); // of these, whatever is typed for the next
  const left = files.map(file => ({
    file,
    metadata: { name: file.name, ...(text !== '' && { label: text }) },
    ...row(file.name),
  }));
  list.prepend(...left.map(({ root }) => root));
  let added = 0;
  const work = async () => {
    for (let next; (next = left.shift());) if (await addOne(next)) added++;
  };
  await Promise.all(Array.from({ length: width }, work));
  announce(`${plural(added, 'picture')} of ${files.length} added.`);
}

/** @param {string} name */
function row(name) {
  const { root, part } = fromTemplate('added-template');
  root.dataset.state = 'waiting';
  part('.added-name').textContent = name;
  part('.added-state').textContent = 'on its way …';
  return { root, part };
}

/**
 * @param {{ file: File, metadata: Record<string, string> } & ReturnType<typeof row>} one
 * @returns {Promise<boolean>} is there a picture more?
 */
async function addOne({ file, metadata, root, part }) {
  try {
    const answer = await client.addImages(file, { metadata }).catch(error => explain(error, file));
    const [image] = answer.images;
    if (!image || !('id' in image)) throw new Error('the server did not say what became of it');
    root.dataset.state = 'added';
    part('.added-state').textContent = image.created ? 'added' : 'was there already; its name and label are replaced';
    Object.assign(part('img'), { src: thumbnailUrl(image.id) });
    part('.added-undo').hidden = !image.created;
    part('.added-undo').addEventListener('click', () => void undo(image.id, root, part));
    return image.created;
  } catch (error) {
    root.dataset.state = 'failed';
    part('.added-state').textContent = error instanceof Problem ? error.message : String(error);
    return false;
  }
}

/** @param {number} id @param {HTMLElement} root @param {(selector: string) => HTMLElement} part */
async function undo(id, root, part) {
  try {
    await client.deleteImage(id);
    remove(root);
    announce('Deleted again.');
    await page.refresh().catch(page.say);
  } catch (error) {
    part('.added-state').textContent = error instanceof Problem ? error.message : String(error);
  }
}

/** Takes a row away; where it had the focus, the next one can be undone too. @param {HTMLElement} root */
function remove(root) {
  const hadFocus = root.contains(document.activeElement);
  const next = root.nextElementSibling?.querySelector('.added-undo:not([hidden])');
  root.remove();
  if (hadFocus) (next instanceof HTMLElement ? next : byId('adding-title', HTMLElement)).focus();
}
