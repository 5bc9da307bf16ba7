/**
 * The process that crash.ts kills: changes an index without end, in every way there is, and says before and after each
 * change what it does. Arguments: index, folder of pictures, seed.
 */
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ImageIndex } from '../corpus/image-index.js';
import { indexFolder } from '../corpus/indexing.js';
import { Writer } from '../corpus/writer.js';
import { decode } from '../image/decode.js';
import { random } from '../training/random.js';
import { ColourEncoder, colourModel, colourPicture } from './colours.js';
import type { Report } from './crash.js';

const [folder, corpus, seed] = process.argv.slice(2) as [string, string, string];
const numbers = random(Number(seed));
const encoder = new ColourEncoder();
const index = await ImageIndex.openForWriting(folder, colourModel);
const writer = new Writer(index, encoder);
/** pictures that the index is kept at about */
const enough = 300;
let changes = 0;
let contents = 1000 * Number(seed);

const say = (report: Report) => process.stdout.write(`${JSON.stringify(report)}\n`);

/** A write to a pipe is done when it returns, so what has been said survives the kill. */
async function change(what: Pick<Report, 'put' | 'remove'>, work: () => Promise<unknown>): Promise<void> {
  const number = ++changes;
  say({ begin: number, ...what });
  await work();
  say({ done: number });
}

const add = async () => {
  const content = ++contents;
  const path = `added/${content}.png`;
  const picture = await colourPicture(content);
  await change({ put: [[path, content]] }, () => writer.add({ picture, path }));
};

const stored = () => index.catalogue.images().filter(image => image.stored);

async function replace(): Promise<void> {
  const images = stored();
  if (images.length === 0) return;
  const { id, path } = images[numbers.below(images.length)]!;
  const content = ++contents;
  const picture = await colourPicture(content);
  await change({ put: [[path, content]] }, () => writer.replace(id, picture));
}

async function remove(): Promise<void> {
  const images = stored();
  if (images.length === 0) return;
  const { id, path } = images[numbers.below(images.length)]!;
  await change({ remove: [path] }, () => writer.delete(id));
}

async function indexing(): Promise<void> {
  mkdirSync(corpus, { recursive: true });
  for (let i = 0; i < 12; i++) {
    writeFileSync(join(corpus, 'new'), await colourPicture(++contents));
    renameSync(join(corpus, 'new'), join(corpus, `${contents}.png`));
  }
  const before = readdirSync(corpus).filter(name => name.endsWith('.png'));
  for (const name of before) if (numbers.next() < 0.2) rmSync(join(corpus, name));
  const files = readdirSync(corpus).filter(name => name.endsWith('.png'));
  const put = files.map(path => [path, Number.parseInt(path)] as const);
  const known = index.catalogue.images().filter(image => !image.stored);
  const gone = known.filter(({ path }) => !files.includes(path)).map(({ path }) => path);
  await change({ put, remove: gone }, () => indexFolder({ folder: corpus, index, encoder, decode }));
}

async function search(): Promise<void> {
  const images = index.catalogue.images();
  if (images.length === 0) return;
  await index.search(index.catalogue.embedding(images[numbers.below(images.length)]!), { k: 10 });
}

say({ ready: true });
for (;;) {
  const chance = numbers.next();
  if (chance < 0.4) await Promise.all(Array.from({ length: 1 + numbers.below(8) }, add));
  else if (chance < 0.6) await Promise.all([remove(), add(), search()]);
  else if (chance < 0.7) await replace();
  else if (chance < 0.78) await indexing();
  else if (chance < 0.86) await index.save();
  else if (chance < 0.92) await Promise.all([index.save(), search(), add()]);
  else await Promise.all([index.compact(), add(), search()]);
  for (let n = index.catalogue.state().images - enough; n > 0; n--) await remove();
}
