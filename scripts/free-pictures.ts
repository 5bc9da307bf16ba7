/**
 * Makes training pictures of free software's: wallpapers whole and in tiles, Tux Paint's stamps on white and on scenes, clip
 * art, the pictures of GCompris, the textures of SuperTuxKart, and what `CHOSEN` lists. No command of matvit; docs/training.md
 * says how it is run.
 *
 *     node dist/scripts/free-pictures.js PACKAGES SCENES OUT
 *
 * PACKAGES has a folder for each Debian package, unpacked; SCENES photos, at any depth; OUT gets a folder for each kind.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
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

/** Files that need nothing but choosing: at most so many of those whose path matches, and tiles of large ones. */
interface Choice {
  readonly kind: string;
  readonly from: string;
  readonly pattern: RegExp;
  readonly most?: number;
  readonly tiles?: number;
}
const CHOSEN: readonly Choice[] = [
  { kind: 'drawings', from: 'pysiogame', pattern: /\/art4apps\/.*\.(jpg|png)$/ },
  { kind: 'drawings', from: 'scratch', pattern: /\/Costumes\/.*\.(jpg|png)$/ },
  { kind: 'drawings', from: 'wesnoth-1.16-data', pattern: /\/portraits\/.*\.png$/ },
  { kind: 'drawings', from: 'freecol', pattern: /\/(foundingFathers|bonus|monarch)\/.*\.(jpg|png)$/ },
  { kind: 'places', from: 'endless-sky-data', pattern: /\/land\/.*\.jpg$/, tiles: 2 },
  { kind: 'places', from: 'krank', pattern: /-backgrounds\/.*\.jpg$/, tiles: 4 },
  { kind: 'places', from: 'scratch', pattern: /\/Backgrounds\/.*\.jpg$/ },
  { kind: 'snapshots', from: 'gnome-control-center-data', pattern: /\/faces\/.*\.jpg$/ },
  { kind: 'snapshots', from: 'golang-github-rwcarlsen-goexif-dev', pattern: /\/samples\/.*\.jpg$/ },
  { kind: 'snapshots', from: 'kphotoalbum', pattern: /\/demo\/[^/]*\.jpg$/, tiles: 4 },
  { kind: 'snapshots', from: 'libdlib19.1', pattern: /\/(faces|johns)\/.*\.jpg$/ },
  { kind: 'snapshots', from: 'psychtoolbox-3-common', pattern: /\.jpe?g$/ },
  { kind: 'renders', from: 'povray-examples', pattern: /\.jpg$/ },
  { kind: 'items', from: 'freedroidrpg-data', pattern: /\.jpg$/, most: 400 },
  { kind: 'space', from: 'stellarium-data', pattern: /\/(nebulae|landscapes|skycultures)\/.*\.(jpg|png)$/, most: 500 },
  { kind: 'space', from: 'openuniverse-common', pattern: /\.jpg$/ },
  { kind: 'surfaces', from: 'torcs-data', pattern: /\/tracks\/.*\.png$/, most: 400 },
  { kind: 'surfaces', from: 'redeclipse-data', pattern: /\.jpg$/, most: 400 },
  { kind: 'screens', from: 'opencv-doc', pattern: /\.(jpg|png)$/, most: 400 },
  { kind: 'screens', from: 'fotoxx-common', pattern: /\.jpg$/, most: 100 },
  { kind: 'screens', from: 'gimp-help-en', pattern: /\.(jpg|png)$/, most: 300 },
  { kind: 'goods', from: 'odoo-14', pattern: /\.jpe?g$/, tiles: 3 },
  { kind: 'goods', from: 'wordpress-theme-twentytwentyfive', pattern: /\.(webp|jpe?g|png)$/, tiles: 6 },
  { kind: 'goods', from: 'wordpress-theme-twentytwentyfour', pattern: /\.(webp|jpe?g|png)$/, tiles: 6 },
  { kind: 'goods', from: 'labelme-examples', pattern: /\.jpe?g$/, tiles: 4 },
  { kind: 'goods', from: 'budgie-backgrounds', pattern: /\.jpe?g$/, tiles: 8 },
  {
    kind: 'walls',
    from: 'sauerbraten',
    pattern: /\/packages\/(?!.*(_n|_s|_z|_h|_g|local|norm\w*|spec\w*|gloss|mask)\.).*\.jpg$/,
    most: 500,
  },
  { kind: 'walls', from: 'alien-arena-data', pattern: /\.jpg$/, most: 250 },
  {
    kind: 'vehicles',
    from: 'flightgear-data-base',
    pattern: /\/(Models|Liveries)\/(?!.*(norm|light|effect)).*\.(jpg|png)$/i,
    most: 400,
  },
  { kind: 'terrain', from: 'flightgear-data-base', pattern: /\/Textures\/Terrain\/.*\.(jpg|png)$/, most: 250 },
  { kind: 'terrain', from: 'scorched3d-data', pattern: /\.jpg$/, most: 150 },
  { kind: 'buildings', from: 'unknown-horizons', pattern: /\/(buildings|ships)\/.*\.png$/, most: 450 },
  { kind: 'buildings', from: 'lincity-ng-data', pattern: /\/tiles\/.*\.png$/, most: 200 },
  { kind: 'art', from: 'freeorion-data', pattern: /\/art\/(?!planets|icons|stars).*\.png$/ },
  { kind: 'art', from: 'megaglest-data', pattern: /\.(jpg|png)$/, most: 250 },
  {
    kind: 'art',
    from: 'supertux-data',
    pattern: /\/(background|worldmap|creatures|objects)\/.*\.(jpg|png)$/,
    most: 250,
  },
  { kind: 'art', from: 'hedgewars-data', pattern: /\/Graphics\/.*\.png$/, most: 250 },
];

/** Turned as its EXIF says: what is made of it has none. */
const open = (file: string): Sharp => sharp(file, { autoOrient: true });

const shuffled = (files: readonly string[]): string[] =>
  files
    .map(file => ({ file, order: draw.next() }))
    .sort((a, b) => a.order - b.order)
    .map(({ file }) => file);

const without = ['tuxpaint-stamps-default', 'openclipart-png', 'gcompris-qt-data', 'supertuxkart-data'].concat(
  CHOSEN.map(({ from }) => from),
);
const wallpapers = readdirSync(packages)
  .filter(name => !without.includes(name))
  .flatMap(name => picturesIn(join(packages, name)));
const backdrops = picturesIn(scenes);
if (backdrops.length === 0) {
  process.stderr.write(`${scenes} holds no photos to put the stamps on\n`);
  process.exit(1);
}

interface Made {
  readonly kind: string;
  readonly image: Sharp;
}

/** Pictures that are broken: some packages have such files on purpose. */
let broken = 0;

/** What is made of sources, one after the other, so that the same numbers are drawn in every run. Broken ones are left out. */
async function* each<T>(
  sources: Iterable<T>,
  make: (source: T) => Iterable<Made> | AsyncIterable<Made>,
): AsyncGenerator<Made> {
  for (const source of sources)
    try {
      yield* make(source);
    } catch {
      broken++;
    }
}

/** Tiles of a quarter to a half of the shorter side. */
function* tilesOf(file: string, width: number, height: number, count: number): Generator<Sharp> {
  for (let i = 0; i < count; i++) {
    const size = Math.round(Math.min(width, height) * draw.between(0.25, 0.55));
    const [left, top] = [draw.below(width - size), draw.below(height - size)];
    yield open(file).extract({ left, top, width: size, height: size }).resize(288, 288);
  }
}

/** The whole, and tiles of what is large. */
async function* ofWallpaper(file: string): AsyncGenerator<Made> {
  const kind = 'photos';
  const { width, height } = (await open(file).metadata()).autoOrient;
  const side = Math.min(width, height);
  if (side < 240) return;
  yield { kind, image: open(file).resize(320, 320, { fit: 'outside' }) };
  for (const image of tilesOf(file, width, height, side >= 1000 ? 8 : 0)) yield { kind, image };
}

/** A picture that comes twice, and those that are small or the same colour all over, are left out. */
async function* ofChosen(): AsyncGenerator<Made> {
  const seen = new Set<string>();
  for (const { kind, from, pattern, most = Infinity, tiles = 0 } of CHOSEN) {
    let count = 0;
    yield* each(shuffled(picturesIn(join(packages, from), pattern)), async function* (file) {
      if (count === most) return;
      const hash = createHash('sha256').update(readFileSync(file)).digest('hex');
      if (seen.has(hash)) return;
      seen.add(hash);
      const { width, height } = (await open(file).metadata()).autoOrient;
      const { channels } = await open(file).flatten({ background: 'white' }).stats();
      if (Math.min(width, height) < 90 || channels.every(({ stdev }) => stdev < 12)) return;
      count++;
      yield { kind, image: open(file).resize(288, 288, { fit: 'inside' }) };
      for (const image of tilesOf(file, width, height, Math.min(width, height) >= 500 ? tiles : 0))
        yield { kind, image };
    });
  }
}

async function* ofStamp(file: string): AsyncGenerator<Made> {
  yield { kind: 'stamps', image: open(file).resize(288, 288, { fit: 'contain', background: '#fff0' }) };
  const { data, info } = await open(file)
    .resize(220, 220, { fit: 'inside' })
    .png()
    .toBuffer({ resolveWithObject: true });
  const place = { left: draw.below(288 - info.width), top: Math.floor((288 - info.height) * draw.between(0.4, 1)) };
  const backdrop = sharp(backdrops[draw.below(backdrops.length)]).resize(288, 288);
  yield { kind: 'stamps-on', image: backdrop.composite([{ input: data, ...place }]) };
}

function* ofClipArt(file: string): Generator<Made> {
  yield { kind: 'cliparts', image: open(file).resize(256, 256, { fit: 'contain', background: '#fff0' }) };
}

/** Qt's resource files have pictures as they are. */
function* resourcesIn(files: readonly string[]): Generator<Buffer> {
  for (const file of files) {
    const bytes = readFileSync(file);
    for (let at = 0; (at = bytes.indexOf('RIFF', at)) >= 0; at++)
      if (bytes.toString('latin1', at + 8, at + 12) === 'WEBP')
        yield bytes.subarray(at, at + 8 + bytes.readUInt32LE(at + 4));
  }
}

async function* ofResource(bytes: Buffer): AsyncGenerator<Made> {
  const image = sharp(bytes);
  const { width, height } = await image.metadata();
  if (Math.min(width, height) >= 90) yield { kind: 'learning', image: image.resize(288, 288, { fit: 'outside' }) };
}

function* ofTexture(file: string): Generator<Made> {
  yield { kind: 'textures', image: open(file).resize(256, 256, { fit: 'outside' }) };
}

function* sources(): Generator<AsyncIterable<Made>> {
  yield each(wallpapers, ofWallpaper);
  yield each(picturesIn(join(packages, 'tuxpaint-stamps-default')), ofStamp);
  yield each(shuffled(picturesIn(join(packages, 'openclipart-png'))).slice(0, 2500), ofClipArt);
  yield each(resourcesIn(picturesIn(join(packages, 'gcompris-qt-data'), /\.rcc$/)), ofResource);
  yield each(picturesIn(join(packages, 'supertuxkart-data'), /\.jpe?g$/i), ofTexture);
  yield ofChosen();
}

const numbers: Record<string, number> = {};
const counts: Record<string, number> = {};
const kinds = ['photos', 'stamps', 'stamps-on', 'cliparts', 'learning', 'textures'];
for (const kind of kinds.concat(CHOSEN.map(({ kind }) => kind))) await mkdir(join(out, kind), { recursive: true });
for (const source of sources())
  await pMap(
    source,
    async ({ kind, image }) => {
      const n = (numbers[kind] = (numbers[kind] ?? 0) + 1); // in order, however long each takes
      const made = image.flatten({ background: 'white' }).webp({ quality: 88 });
      const bytes = await made.toBuffer().catch(() => undefined); // only the header has been read before
      if (!bytes) return void broken++;
      await writeFile(join(out, kind, `${n}.webp`), bytes);
      counts[kind] = (counts[kind] ?? 0) + 1;
    },
    { concurrency: 4 },
  );
process.stdout.write(`${JSON.stringify(counts)}, ${broken} broken\n`);
