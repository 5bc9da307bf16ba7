/** Reading a plain ViT, with timm's or Hugging Face's tensor names, as a MatViT checkpoint. */
import { MatvitError } from '../errors.js';
import { type Architecture, checkArchitecture } from './architecture.js';
import { type Checkpoint, makeCheckpoint } from './checkpoint.js';
import type { NamedTensor, TensorFile } from './safetensors.js';

/** Red, green and blue. */
export type PerChannel = readonly [number, number, number];

export interface ImportOptions {
  readonly heads?: number;
  /** the preprocessing that the weights expect, (x / 255 - mean) / std with std above 0, is folded into the patch embedding */
  readonly mean?: PerChannel;
  readonly std?: PerChannel;
}

/** Where a naming scheme keeps a tensor; q, k and v are rows of one matrix in timm. */
interface Names {
  readonly classToken: string;
  readonly positions: string;
  readonly patch: string;
  readonly norm: string;
  readonly layer: (l: number) => Readonly<Record<'norm1' | 'norm2' | 'out' | 'up' | 'down', string>>;
  readonly attention: (l: number) => { packed: string } | { query: string; key: string; value: string };
}

const timm: Names = {
  classToken: 'cls_token',
  positions: 'pos_embed',
  patch: 'patch_embed.proj',
  norm: 'norm',
  layer: l => {
    const b = `blocks.${l}`;
    return {
      norm1: `${b}.norm1`,
      norm2: `${b}.norm2`,
      out: `${b}.attn.proj`,
      up: `${b}.mlp.fc1`,
      down: `${b}.mlp.fc2`,
    };
  },
  attention: l => ({ packed: `blocks.${l}.attn.qkv` }),
};

const huggingFace = (prefix: string): Names => {
  const block = (l: number) => `${prefix}encoder.layer.${l}`;
  return {
    classToken: `${prefix}embeddings.cls_token`,
    positions: `${prefix}embeddings.position_embeddings`,
    patch: `${prefix}embeddings.patch_embeddings.projection`,
    norm: `${prefix}layernorm`,
    layer: l => ({
      norm1: `${block(l)}.layernorm_before`,
      norm2: `${block(l)}.layernorm_after`,
      out: `${block(l)}.attention.output.dense`,
      up: `${block(l)}.intermediate.dense`,
      down: `${block(l)}.output.dense`,
    }),
    attention: l => {
      const a = `${block(l)}.attention.attention`;
      return { query: `${a}.query`, key: `${a}.key`, value: `${a}.value` };
    },
  };
};

/** What comes after the embedding, or serves training alone. */
const harmless = /^(vit\.)?(embeddings\.)?(head|classifier|pooler|pre_logits|decoder\w*|mask_token)(\.|$)/;

/** timm's ViTs and Hugging Face's, that is, ours but for names and layout. @throws CHECKPOINT_MISMATCH, ARCHITECTURE_INVALID */
export function importVit(file: TensorFile, options: ImportOptions = {}): Checkpoint {
  const { tensors } = file;
  const read = new Set<string>();
  const get = (name: string, shape?: readonly number[]): NamedTensor => {
    const tensor = tensors.get(name);
    read.add(name);
    if (!tensor)
      throw new MatvitError('CHECKPOINT_MISMATCH', `${name} is missing: this is no plain ViT that can be read`);
    if (shape && shape.join() !== tensor.shape.join())
      throw new MatvitError('CHECKPOINT_MISMATCH', `${name} is [${tensor.shape.join()}], not [${shape.join()}]`);
    return tensor;
  };
  const names = [timm, huggingFace(''), huggingFace('vit.')].find(scheme => tensors.has(scheme.classToken));
  if (!names)
    throw new MatvitError(
      'CHECKPOINT_MISMATCH',
      'there is no class token under the names that timm or Hugging Face use',
    );
  const a = architectureOf(names, get, tensors, options);
  const d = a.width;
  const out = new Map<string, NamedTensor>();

  const patch = get(`${names.patch}.weight`, [d, 3, a.patch, a.patch]).data; // [d, 3, p, p]
  const weight = new Float32Array(patch.length); //   [d, p, p, 3]
  const bias = Float32Array.from(get(`${names.patch}.bias`, [d]).data);
  const area = a.patch ** 2;
  const { mean = [0.5, 0.5, 0.5], std = [0.5, 0.5, 0.5] } = options;
  // (x/255 - mean)/std = gain · (2x/255 - 1) + offset, and the graph computes 2x/255 - 1
  const gain = std.map(s => 0.5 / s);
  const offset = std.map((s, c) => (0.5 - mean[c]!) / s);
  for (let o = 0; o < d; o++)
    for (let c = 0; c < 3; c++)
      for (let i = 0; i < area; i++) {
        const w = patch[(o * 3 + c) * area + i]!;
        weight[(o * area + i) * 3 + c] = w * gain[c]!;
        bias[o]! += w * offset[c]!;
      }
  out.set('patch.weight', { shape: [d, 3 * area], data: weight });
  out.set('patch.bias', { shape: [d], data: bias });

  const positions = Float32Array.from(get(names.positions).data); // [1, T, d]
  get(names.classToken, [1, 1, d]).data.forEach((value, i) => (positions[i]! += value));
  out.set('positions', { shape: [positions.length / d, d], data: positions });

  const copy = (to: string, from: string) => {
    for (const part of ['weight', 'bias']) out.set(`${to}.${part}`, get(`${from}.${part}`));
  };
  for (let l = 0; l < a.depth; l++) {
    const to = `layers.${l}`;
    const from = names.layer(l);
    for (const part of ['norm1', 'norm2', 'out', 'up'] as const) copy(`${to}.${part}`, from[part]);
    out.set(`${to}.down.weight`, transpose(get(`${from.down}.weight`)));
    out.set(`${to}.down.bias`, get(`${from.down}.bias`));
    const attention = names.attention(l);
    (['query', 'key', 'value'] as const).forEach((part, i) => {
      if ('packed' in attention) {
        const w = get(`${attention.packed}.weight`, [3 * d, d]).data.slice(i * d * d, (i + 1) * d * d);
        const b = get(`${attention.packed}.bias`, [3 * d]).data.slice(i * d, (i + 1) * d);
        out.set(`${to}.${part}.weight`, { shape: [d, d], data: w });
        out.set(`${to}.${part}.bias`, { shape: [d], data: b });
      } else copy(`${to}.${part}`, attention[part]);
    });
  }
  copy('norm', names.norm);
  for (const name of tensors.keys())
    if (!read.has(name) && !harmless.test(name))
      throw new MatvitError(
        'CHECKPOINT_MISMATCH',
        `${name} is nothing that a plain ViT has, and embeddings would be wrong without it`,
      );
  return makeCheckpoint(a, out);
}

function architectureOf(
  names: Names,
  get: (name: string) => NamedTensor,
  tensors: ReadonlyMap<string, NamedTensor>,
  { heads }: ImportOptions,
): Architecture {
  const [width = 0, channels, patch = 0] = get(`${names.patch}.weight`).shape;
  if (channels !== 3)
    throw new MatvitError('CHECKPOINT_MISMATCH', `the patch embedding reads ${channels} channels, not 3`);
  let depth = 0;
  while (tensors.has(`${names.layer(depth).up}.weight`)) depth++;
  const ffnWidth = get(`${names.layer(0).up}.bias`).data.length;
  const side = Math.sqrt((get(names.positions).shape[1] ?? 0) - 1);
  return checkArchitecture({
    patch,
    resolution: side * patch,
    width,
    depth,
    heads: heads ?? width / 64, // as in every ViT of Dosovitskiy et al. and Touvron et al.
    ffnWidth,
    granularities: [ffnWidth / 8, ffnWidth / 4, ffnWidth / 2, ffnWidth],
    epsilon: names === timm ? 1e-6 : 1e-12,
  });
}

function transpose({ shape, data }: NamedTensor): NamedTensor {
  const [rows, columns] = shape as [number, number];
  const out = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = data[i * columns + j]!;
  return { shape: [columns, rows], data: out };
}
