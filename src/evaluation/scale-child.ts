/** Opens an index and says how long it took and what it holds in memory. Arguments: index, fingerprint, dimension. */
import { ImageIndex } from '../corpus/image-index.js';

const [folder, fingerprint, dimension] = process.argv.slice(2) as [string, string, string];
const memory = process.memoryUsage().rss;
const began = performance.now();
const index = await ImageIndex.openForReading(folder, { fingerprint, dimension: Number(dimension) });
const milliseconds = performance.now() - began;
const query = index.catalogue.embedding(index.catalogue.image(1)!);
await index.search(query, { k: 10 });
process.send!({ milliseconds, bytes: process.memoryUsage().rss - memory });
await index.close();
process.disconnect();
