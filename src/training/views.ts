/**
 * Random views of pictures. A view is a number: with the run's seed it determines picture, crop, flip, colours and what
 * is mixed in, so that teacher and student see the same view at their own resolutions ('patient and consistent'
 * distillation, arXiv 2106.05237), and that the teacher's embedding of it can be kept.
 */
import { sharp } from '../image/sharp.js';
import { type Pictures, tableColumns } from './pictures.js';
import { type Random, random } from './random.js';

export interface Augmentation {
  /** smallest share of the picture's area that a crop keeps */
  readonly minArea: number;
  /** range of brightness, contrast and saturation factors, 1 ± jitter */
  readonly jitter: number;
  /** share of the pictures whose hue is turned, by any angle: colours come with more things than those that have them */
  readonly hue: number;
  /** share of views that are a mixture of two pictures */
  readonly mixup: number;
}

/** Factors. */
interface Jitter {
  readonly brightness: number;
  readonly contrast: number;
  readonly saturation: number;
}

interface Part {
  readonly picture: number;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly flip: boolean;
  readonly jitter?: Jitter;
  /** radians */
  readonly hue?: number;
}

interface View {
  readonly parts: readonly [Part] | readonly [Part, Part];
  /** weight of the second part */
  readonly blend: number;
}

/**
 * Draws pictures so that a source comes with a probability proportional to the square root of its pixels: neither do
 * many small thumbnails crowd out the photos, nor does a small source go unseen.
 */
export function pictureSampler(table: Float64Array): (r: Random) => number {
  const sources = new Map<number, { pictures: number[]; pixels: number }>();
  for (let i = 0; i < table.length / tableColumns; i++) {
    const [, width, height, key] = table.subarray(i * tableColumns) as unknown as [number, number, number, number];
    const source = sources.get(key) ?? { pictures: [], pixels: 0 };
    sources.set(key, source);
    source.pictures.push(i);
    source.pixels += width * height;
  }
  const groups = [...sources.values()].map(({ pictures, pixels }) => ({ pictures, weight: Math.sqrt(pixels) }));
  const total = groups.reduce((sum, group) => sum + group.weight, 0);
  return r => {
    let at = r.next() * total;
    const { pictures } = groups.find(group => (at -= group.weight) < 0) ?? groups.at(-1)!;
    return pictures[r.below(pictures.length)]!;
  };
}

/** In place, in RGB: libvips's modulate goes through LCh, which took an eighth of a training step. */
function recolour(pixels: Uint8Array, { brightness, contrast, saturation }: Jitter): void {
  const clamped = new Uint8ClampedArray(pixels.buffer, pixels.byteOffset, pixels.length);
  const scale = brightness * contrast;
  for (let i = 0; i < pixels.length; i += 3) {
    const [r, g, b] = [pixels[i]!, pixels[i + 1]!, pixels[i + 2]!];
    const grey = (1 - saturation) * (0.2126 * r + 0.7152 * g + 0.0722 * b);
    const shift = scale * grey + 128 * (1 - contrast);
    clamped[i] = scale * saturation * r + shift;
    clamped[i + 1] = scale * saturation * g + shift;
    clamped[i + 2] = scale * saturation * b + shift;
  }
}

/** In place: turns colours about the grey axis of RGB (Rodrigues' rotation), which keeps r + g + b but for what is cut off. */
function turnHue(pixels: Uint8Array, angle: number): void {
  const clamped = new Uint8ClampedArray(pixels.buffer, pixels.byteOffset, pixels.length);
  const own = Math.cos(angle);
  const grey = (1 - own) / 3;
  const cross = Math.sin(angle) / Math.sqrt(3);
  for (let i = 0; i < pixels.length; i += 3) {
    const [r, g, b] = [pixels[i]!, pixels[i + 1]!, pixels[i + 2]!];
    const shared = grey * (r + g + b);
    clamped[i] = own * r + shared + cross * (b - g);
    clamped[i + 1] = own * g + shared + cross * (r - b);
    clamped[i + 2] = own * b + shared + cross * (g - r);
  }
}

export class Views {
  private readonly sample: (r: Random) => number;

  constructor(
    private readonly pictures: Pictures,
    private readonly augmentation: Augmentation,
    private readonly seed: number,
  ) {
    this.sample = pictureSampler(pictures.table);
  }

  /** @returns [resolution, resolution, 3] */
  async render(view: number, resolution: number): Promise<Uint8Array> {
    const { parts, blend } = this.draw(view);
    const [first, second] = await Promise.all(parts.map(part => this.renderPart(part, resolution)));
    if (second) for (let i = 0; i < first!.length; i++) first![i] = first![i]! * (1 - blend) + second[i]! * blend;
    return first!;
  }

  /** @returns [views, resolution, resolution, 3] */
  async renderAll(views: readonly number[], resolution: number): Promise<Uint8Array> {
    const pictures = await Promise.all(views.map(view => this.render(view, resolution)));
    const all = new Uint8Array(views.length * resolution * resolution * 3);
    pictures.forEach((picture, i) => all.set(picture, i * picture.length));
    return all;
  }

  /** Label of a view as rows of class weights, for labelled training. */
  labels(view: number): { label: number; weight: number }[] {
    const { parts, blend } = this.draw(view);
    return parts.map((part, i) => ({
      label: this.pictures.table[part.picture * tableColumns + 4]!,
      weight: parts.length === 1 ? 1 : i === 0 ? 1 - blend : blend,
    }));
  }

  private draw(view: number): View {
    const r = random(this.seed, view);
    const mixed = r.next() < this.augmentation.mixup;
    const blend = r.between(0.1, 0.5);
    return mixed ? { parts: [this.drawPart(r), this.drawPart(r)], blend } : { parts: [this.drawPart(r)], blend: 0 };
  }

  private drawPart(r: Random): Part {
    const { minArea, jitter, hue } = this.augmentation;
    const picture = this.sample(r);
    const [, fullWidth, fullHeight] = this.pictures.table.subarray(picture * tableColumns) as unknown as [
      number,
      number,
      number,
    ];
    const area = fullWidth * fullHeight * r.between(minArea, 1);
    const aspect = Math.exp(r.between(-Math.log(4 / 3), Math.log(4 / 3)));
    const clamp = (side: number, full: number) => Math.max(1, Math.min(full, Math.round(side)));
    const width = clamp(Math.sqrt(area * aspect), fullWidth);
    const height = clamp(Math.sqrt(area / aspect), fullHeight);
    const left = r.below(fullWidth - width + 1);
    const top = r.below(fullHeight - height + 1);
    const flip = r.next() < 0.5;
    const factor = () => r.between(1 - jitter, 1 + jitter);
    const colours = { brightness: factor(), contrast: factor(), saturation: factor() };
    const jittered = r.next() < 0.5 && jitter > 0 ? { jitter: colours } : {};
    const turned = r.next() < hue ? { hue: r.between(0, 2 * Math.PI) } : {};
    return { picture, left, top, width, height, flip, ...jittered, ...turned };
  }

  private async renderPart(part: Part, resolution: number): Promise<Uint8Array> {
    const [offset, width, height] = this.pictures.table.subarray(part.picture * tableColumns) as unknown as [
      number,
      number,
      number,
    ];
    const source = Buffer.from(this.pictures.pixels, offset, width * height * 3);
    let image = sharp(source, { raw: { width, height, channels: 3 } })
      .extract({ left: part.left, top: part.top, width: part.width, height: part.height })
      .resize(resolution, resolution, { fit: 'fill', kernel: 'cubic' });
    if (part.flip) image = image.flop();
    const pixels = await image.raw().toBuffer();
    if (part.hue !== undefined) turnHue(pixels, part.hue);
    if (part.jitter) recolour(pixels, part.jitter);
    return pixels;
  }
}
