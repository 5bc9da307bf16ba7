/**
 * Makes training pictures of free software's: wallpapers whole and in tiles, Tux Paint's stamps on white and on scenes, clip
 * art, the pictures of GCompris and the textures of SuperTuxKart. No command of matvit; docs/training.md says how it is run.
 *
 *     node dist/scripts/free-pictures.js PACKAGES SCENES OUT
 *
 * PACKAGES has a folder for each Debian package, unpacked; SCENES photos, at any depth; OUT gets a folder for each kind.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import pMap from 'p-map';
import { type Sharp, sharp } from '../src/image/sharp.js';
import { random } from '../src/training/random.js';

const [packages, scenes, out] = process.argv.slice(2) as [string, string, string];
if (out === undefined) {
  process.stderr.write('usage: node dist/scripts/free-pictures.js PACKAGES SCENES OUT\n');
  process.exit(1);
}
const draw = random(7);

/** Paths of the pictures in a folder, in the order of their names; none if there is no such folder. */
function picturesIn(folder: string, pattern = /\.(jpe?g|png|webp)$/i): string[] {
  const all = existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : [];
  return all
    .filter(name => pattern.test(name))
    .sort()
    .map(name => join(folder, name));
}

const without = ['tuxpaint-stamps-default', 'openclipart-png', 'gcompris-qt-data', 'supertuxkart-data'];
const wallpapers = readdirSync(packages)
  .filter(name => !without.includes(name))
  .flatMap(name => picturesIn(join(packages, name)));
const backdrops = picturesIn(scenes);

interface Made {
  readonly kind: string;
  readonly image: Sharp;
}

/** The whole, and eight tiles of a quarter to a half of the shorter side of what is large. */
async function* ofWallpapers(): AsyncGenerator<Made> {
  const kind = 'photos';
  for (const file of wallpapers) {
    const { width, height } = await sharp(file).metadata();
    const side = Math.min(width, height);
    if (side < 240) continue;
    yield { kind, image: sharp(file).resize(320, 320, { fit: 'outside' }) };
    for (let i = 0; i < 8 && side >= 1000; i++) {
      const size = Math.round(side * draw.between(0.25, 0.55));
      const [left, top] = [draw.below(width - size), draw.below(height - size)];
      yield { kind, image: sharp(file).extract({ left, top, width: size, height: size }).resize(288, 288) };
    }
  }
}

async function* ofStamps(): AsyncGenerator<Made> {
  for (const file of picturesIn(join(packages, 'tuxpaint-stamps-default'))) {
    yield { kind: 'stamps', image: sharp(file).resize(288, 288, { fit: 'contain', background: '#fff0' }) };
    const { data, info } = await sharp(file)
      .resize(220, 220, { fit: 'inside' })
      .png()
      .toBuffer({ resolveWithObject: true });
    const place = { left: draw.below(288 - info.width), top: Math.floor((288 - info.height) * draw.between(0.4, 1)) };
    const backdrop = sharp(backdrops[draw.below(backdrops.length)]).resize(288, 288);
    yield { kind: 'stamps-on', image: backdrop.composite([{ input: data, ...place }]) };
  }
}

function* ofClipArt(): Generator<Made> {
  const files = picturesIn(join(packages, 'openclipart-png')).map(file => ({ file, order: draw.next() }));
  for (const { file } of files.sort((a, b) => a.order - b.order).slice(0, 2500))
    yield { kind: 'cliparts', image: sharp(file).resize(256, 256, { fit: 'contain', background: '#fff0' }) };
}

/** Pictures are stored in Qt's resource files as they are. */
async function* ofGCompris(): AsyncGenerator<Made> {
  for (const file of picturesIn(join(packages, 'gcompris-qt-data'), /\.rcc$/)) {
    const bytes = readFileSync(file);
    for (let at = 0; (at = bytes.indexOf('RIFF', at)) >= 0; at++) {
      if (bytes.toString('latin1', at + 8, at + 12) !== 'WEBP') continue;
      const image = sharp(bytes.subarray(at, at + 8 + bytes.readUInt32LE(at + 4)));
      const { width, height } = await image.metadata();
      if (Math.min(width, height) >= 90) yield { kind: 'learning', image: image.resize(288, 288, { fit: 'outside' }) };
    }
  }
}

function* ofTextures(): Generator<Made> {
  for (const file of picturesIn(join(packages, 'supertuxkart-data'), /\.jpe?g$/i))
    yield { kind: 'textures', image: sharp(file).resize(256, 256, { fit: 'outside' }) };
}

const counts: Record<string, number> = {};
for (const kind of ['photos', 'stamps', 'stamps-on', 'cliparts', 'learning', 'textures'])
  await mkdir(join(out, kind), { recursive: true });
for (const source of [ofWallpapers(), ofStamps(), ofClipArt(), ofGCompris(), ofTextures()])
  await pMap(
    source,
    async ({ kind, image }) => {
      const n = (counts[kind] = (counts[kind] ?? 0) + 1);
      await image
        .flatten({ background: 'white' })
        .webp({ quality: 88 })
        .toFile(join(out, kind, `${n}.webp`));
    },
    { concurrency: 4 },
  );
process.stdout.write(`${JSON.stringify(counts)}\n`);
