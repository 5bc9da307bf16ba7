/**
 * What a MatViT is, as data. A plain pre-norm vision transformer (Dosovitskiy et al. 2021) whose FFN hidden neurons
 * are ordered by importance, so that each prefix of them is an FFN of its own (MatFormer, arXiv 2310.07707, section 3).
 */
import { MatvitError } from '../errors.js';

/** The granularities from small to large. `XL` is the whole FFN. */
export const granularityNames = ['S', 'M', 'L', 'XL'] as const;
export type GranularityName = (typeof granularityNames)[number];

export interface Architecture {
  /** side of a square patch, pixels */
  readonly patch: number;
  /** side of the pictures that the stored position embeddings belong to, pixels */
  readonly resolution: number;
  /** width of the residual stream and of the embedding, d */
  readonly width: number;
  /** number of transformer blocks */
  readonly depth: number;
  /** attention heads a block; width / heads channels each */
  readonly heads: number;
  /** hidden neurons of the whole FFN, d_ff */
  readonly ffnWidth: number;
  /** hidden neurons kept at S, M, L and XL: increasing, the last equal to ffnWidth */
  readonly granularities: readonly number[];
  /** epsilon of every LayerNorm */
  readonly epsilon: number;
}

const vit = (width: number, heads: number): Architecture => ({
  patch: 16,
  resolution: 224,
  width,
  depth: 12,
  heads,
  ffnWidth: 4 * width,
  // MatFormer's four: d_ff/8, d_ff/4, d_ff/2, d_ff
  granularities: [width / 2, width, 2 * width, 4 * width],
  epsilon: 1e-6,
});

/** ViT-Ti/16, ViT-S/16 and ViT-B/16 with MatFormer's granularities. */
export const presets = { 'Ti/16': vit(192, 3), 'S/16': vit(384, 6), 'B/16': vit(768, 12) } as const;

/** Of a file, whose tensors are listed before they are looked for. */
const maxDepth = 1000;

/** Checks an architecture read from outside. @throws ARCHITECTURE_INVALID */
export function checkArchitecture(a: Architecture): Architecture {
  const fail = (reason: string): never => {
    throw new MatvitError('ARCHITECTURE_INVALID', reason);
  };
  if (typeof a !== 'object' || a === null) fail('it is not an object');
  for (const key of ['patch', 'resolution', 'width', 'depth', 'heads', 'ffnWidth'] as const) {
    if (!Number.isInteger(a[key]) || a[key] < 1) fail(`${key} must be a positive integer, not ${String(a[key])}`);
  }
  if (a.depth > maxDepth) fail(`depth must be ${maxDepth} at most, not ${a.depth}`);
  if (!(a.epsilon > 0)) fail(`epsilon must be positive, not ${String(a.epsilon)}`);
  if (a.width % a.heads !== 0) fail(`width ${a.width} is not divisible by ${a.heads} heads`);
  if (a.resolution % a.patch !== 0) fail(`resolution ${a.resolution} is not divisible by the patch of ${a.patch}`);
  const g = a.granularities;
  if (!Array.isArray(g) || g.length !== granularityNames.length)
    fail(`there must be ${granularityNames.length} granularities`);
  if (g.some((w, i) => !Number.isInteger(w) || w <= (g[i - 1] ?? 0)) || g.at(-1) !== a.ffnWidth)
    fail('granularities must increase and end at ffnWidth');
  return a;
}

/** Patches in a picture of `resolution` x `resolution` pixels. @throws RESOLUTION_INVALID */
export function patchCount(a: Architecture, resolution: number): number {
  if (!Number.isInteger(resolution) || resolution < a.patch || resolution % a.patch !== 0)
    throw new MatvitError('RESOLUTION_INVALID', `${resolution} is not a positive multiple of the patch, ${a.patch}`);
  return (resolution / a.patch) ** 2;
}

/** Name and shape of every tensor of a checkpoint, in the order in which they are stored. */
export function tensorShapes(a: Architecture): Map<string, number[]> {
  const { width: d, ffnWidth: f } = a;
  const shapes = new Map<string, number[]>([
    // pixel order inside a patch: row, column, channel
    ['patch.weight', [d, a.patch * a.patch * 3]],
    ['patch.bias', [d]],
    // row 0 is the class token plus its position; the rest are the patches' positions, row by row
    ['positions', [1 + patchCount(a, a.resolution), d]],
  ]);
  for (let l = 0; l < a.depth; l++) {
    for (const [name, shape] of [
      ['norm1.weight', [d]],
      ['norm1.bias', [d]],
      ['query.weight', [d, d]],
      ['query.bias', [d]],
      ['key.weight', [d, d]],
      ['key.bias', [d]],
      ['value.weight', [d, d]],
      ['value.bias', [d]],
      ['out.weight', [d, d]],
      ['out.bias', [d]],
      ['norm2.weight', [d]],
      ['norm2.bias', [d]],
      // one row a hidden neuron in both FFN matrices: a submodel is a prefix of their rows, so of their bytes
      ['up.weight', [f, d]],
      ['up.bias', [f]],
      ['down.weight', [f, d]],
      ['down.bias', [d]],
    ] as const)
      shapes.set(`layers.${l}.${name}`, [...shape]);
  }
  shapes.set('norm.weight', [d]);
  shapes.set('norm.bias', [d]);
  return shapes;
}

/** The resolution nearest to so many pixels that is made of whole patches. */
export const wholePatches = ({ patch }: Architecture, pixels: number): number =>
  patch * Math.max(1, Math.round(pixels / patch));
