/** One random plain ViT under timm's names and under Hugging Face's, as their files keep it. */
import type { NamedTensor, TensorFile } from '../../src/model/safetensors.js';
import { random } from '../../src/training/random.js';
import { tiny } from './tiny.js';

const { width: d, ffnWidth: f, patch: p, depth } = tiny;
const tokens = 1 + (tiny.resolution / p) ** 2;

/** Tensors as a plain ViT has them, each with the places where the two schemes keep it. */
interface PlainTensor {
  readonly timm: string;
  readonly huggingFace: string;
  readonly shape: readonly number[];
}

const plainTensors: PlainTensor[] = [
  { timm: 'cls_token', huggingFace: 'embeddings.cls_token', shape: [1, 1, d] },
  { timm: 'pos_embed', huggingFace: 'embeddings.position_embeddings', shape: [1, tokens, d] },
  ...layer('patch_embed.proj', 'embeddings.patch_embeddings.projection', [d, 3, p, p]),
  ...layer('norm', 'layernorm', [d]),
  ...Array.from({ length: depth }, (_, l) => {
    const [timm, hf] = [`blocks.${l}`, `encoder.layer.${l}`];
    return [
      ...layer(`${timm}.norm1`, `${hf}.layernorm_before`, [d]),
      ...['query', 'key', 'value'].flatMap(part =>
        layer(`${timm}.attn.qkv:${part}`, `${hf}.attention.attention.${part}`, [d, d]),
      ),
      ...layer(`${timm}.attn.proj`, `${hf}.attention.output.dense`, [d, d]),
      ...layer(`${timm}.norm2`, `${hf}.layernorm_after`, [d]),
      ...layer(`${timm}.mlp.fc1`, `${hf}.intermediate.dense`, [f, d]),
      ...layer(`${timm}.mlp.fc2`, `${hf}.output.dense`, [d, f]),
    ];
  }).flat(),
];

function layer(timm: string, huggingFace: string, shape: readonly number[]): PlainTensor[] {
  return [
    { timm: `${timm}.weight`, huggingFace: `${huggingFace}.weight`, shape },
    { timm: `${timm}.bias`, huggingFace: `${huggingFace}.bias`, shape: shape.slice(0, 1) },
  ];
}

/** @returns the same model twice; `plain` has it by timm's names, with `blocks.0.attn.qkv:query.weight` and so on apart */
export function plainVit(seed: number, prefix = '') {
  const r = random(seed);
  const plain = new Map<string, NamedTensor>();
  const huggingFace = new Map<string, NamedTensor>();
  for (const { timm, huggingFace: name, shape } of plainTensors) {
    const data = Float32Array.from({ length: shape.reduce((n, m) => n * m, 1) }, () => r.normal());
    plain.set(timm, { shape, data });
    huggingFace.set(prefix + name, { shape, data });
  }
  const timm = new Map<string, NamedTensor>();
  for (const [name, tensor] of plain) {
    const packed = name.replace(/:(query|key|value)/, '');
    const before = timm.get(packed); // the rows of query, key and value one after the other
    const data = [...(before?.data ?? []), ...tensor.data];
    const shape = [(before?.shape[0] ?? 0) + tensor.shape[0]!, ...tensor.shape.slice(1)];
    timm.set(packed, { shape, data: Float32Array.from(data) });
  }
  const file = (tensors: Map<string, NamedTensor>): TensorFile => ({ metadata: {}, tensors });
  return { plain, timm: file(timm), huggingFace: file(huggingFace) };
}
