/** The process that kill.test.ts kills: indexes a folder with a slow encoder. Arguments: folder, index. */
import { ImageIndex } from '../../src/corpus/image-index.js';
import { indexFolder } from '../../src/corpus/indexing.js';
import { decode } from '../../src/image/decode.js';
import { ColourEncoder } from '../../src/evaluation/colours.js';

const [folder, indexFolderPath] = process.argv.slice(2) as [string, string];
const encoder = new ColourEncoder(25);
const { fingerprint, architecture } = encoder;
const index = await ImageIndex.openForWriting(indexFolderPath, { fingerprint, dimension: architecture.width });
console.log('open');
await indexFolder({ folder, index, encoder, decode });
await index.close();
