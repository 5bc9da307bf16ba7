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
      const results = [];
      for (const query of queries) results.push((await index.search(Float32Array.from(query), { k: 5 })).hits);
      const bytes = results.flat().map(({ image }) => index.catalogue.bytes(image)?.toString('base64'));
      // hnswlib and the exact scan add the same products up in different orders
      const rounded = (key: string, value: unknown) => (key === 'score' ? (value as number).toFixed(5) : value);
      return { rebuilt: index.rebuilt !== undefined, results: JSON.stringify([results, bytes], rounded) };
    } finally {
      await index.close();
    }
  } catch (error) {
    return error instanceof MatvitError ? { code: error.code } : { unexpected: String(error) };
  }
}
