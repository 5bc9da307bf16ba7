/** The process that corruption.ts gives damaged indexes: opens one, searches it, and answers what came of it. */
import { ImageIndex } from '../corpus/image-index.js';
import { MatvitError } from '../errors.js';
import { colourModel } from './colours.js';
import type { Probe } from './corruption.js';

process.on('message', ({ folder, queries }: { folder: string; queries: number[][] }) => {
  void probe(folder, queries).then(answer => process.send!(answer));
});

async function probe(folder: string, queries: number[][]): Promise<Probe> {
  try {
    const index = await ImageIndex.openForReading(folder, colourModel);
    try {
      const hits = [];
      for (const query of queries) {
        const found = (await index.search(Float32Array.from(query), { k: 5 })).hits;
        hits.push(...found.toSorted((a, b) => a.image.id - b.image.id)); // a hair decides the order of equals
      }
      const images = hits.map(({ image }) => [image, index.catalogue.bytes(image)?.toString('base64')]);
      const scores = hits.map(({ score }) => score);
      return { rebuilt: index.rebuilt !== undefined, images: JSON.stringify(images), scores };
    } finally {
      await index.close();
    }
  } catch (error) {
    return error instanceof MatvitError ? { code: error.code } : { unexpected: String(error) };
  }
}
