import assert from 'node:assert/strict';
import { importVit } from '../../src/model/import.js';
import type { TensorFile } from '../../src/model/safetensors.js';
import { plainVit } from '../support/plain-vit.js';
import { throwsCode } from '../support/rejects.js';
import { tiny } from '../support/tiny.js';

const heads = tiny.heads;
const without = ({ metadata, tensors }: TensorFile, name: string): TensorFile => ({
  metadata,
  tensors: new Map([...tensors].filter(([key]) => key !== name)),
});
const withMore = ({ metadata, tensors }: TensorFile, ...names: readonly string[]): TensorFile => ({
  metadata,
  tensors: new Map([...tensors, ...names.map(name => [name, { shape: [1], data: Float32Array.of(1) }] as const)]),
});

describe('import of a plain ViT', () => {
  it('reads the same model from timm and Hugging Face names', () => {
    for (const prefix of ['', 'vit.']) {
      const { timm, huggingFace } = plainVit(1, prefix);
      const [one, other] = [importVit(timm, { heads }), importVit(huggingFace, { heads })];
      assert.deepEqual(one.architecture, tiny);
      assert.deepEqual(other.architecture, { ...tiny, epsilon: 1e-12 });
      assert.deepEqual(one.weights, other.weights);
    }
  });

  it('puts every number where a checkpoint has it', () => {
    const { plain, timm } = plainVit(2);
    const { weights } = importVit(timm, { heads });
    const from = (name: string) => plain.get(name)!.data;
    const to = (name: string) => weights.get(name)!;
    const { width: d, patch: p, ffnWidth: f } = tiny;
    for (const part of ['query', 'key', 'value'])
      for (const kind of ['weight', 'bias'])
        assert.deepEqual(to(`layers.2.${part}.${kind}`), from(`blocks.2.attn.qkv:${part}.${kind}`));
    assert.deepEqual(to('layers.1.up.weight'), from('blocks.1.mlp.fc1.weight'));
    const [output, neuron] = [5, 30];
    assert.equal(to('layers.1.down.weight')[neuron * d + output], from('blocks.1.mlp.fc2.weight')[output * f + neuron]);
    const [o, c, y, x] = [7, 2, 1, 3] as const;
    assert.equal(
      to('patch.weight')[((o * p + y) * p + x) * 3 + c],
      from('patch_embed.proj.weight')[((o * 3 + c) * p + y) * p + x],
    );
    assert.deepEqual(to('patch.bias'), from('patch_embed.proj.bias'));
    assert.equal(to('positions')[4], Math.fround(from('pos_embed')[4]! + from('cls_token')[4]!));
    assert.deepEqual(to('positions').subarray(d), from('pos_embed').subarray(d));
    assert.deepEqual(to('norm.bias'), from('norm.bias'));
  });

  it('folds the preprocessing that the weights expect into the patch embedding', () => {
    const { plain, timm } = plainVit(3);
    const [mean, std] = [
      [0.485, 0.456, 0.406],
      [0.229, 0.224, 0.225],
    ] as const;
    const { weights } = importVit(timm, { heads, mean, std });
    const area = tiny.patch ** 2;
    const pixels = Float64Array.from({ length: 3 * area }, (_, i) => (i * 89) % 256); // row, column, channel
    const [weight, bias] = ['weight', 'bias'].map(kind => plain.get(`patch_embed.proj.${kind}`)!.data);
    for (let o = 0; o < tiny.width; o++) {
      let [expected, actual] = [bias![o]!, weights.get('patch.bias')![o]!];
      pixels.forEach((value, i) => {
        const [c, place] = [i % 3, Math.floor(i / 3)];
        expected += weight![(o * 3 + c) * area + place]! * ((value / 255 - mean[c]!) / std[c]!);
        actual += weights.get('patch.weight')![o * 3 * area + i]! * (value / 127.5 - 1);
      });
      assert.ok(Math.abs(actual - expected) < 1e-4, `${actual} is not ${expected}`);
    }
  });

  it('leaves aside what the embedding does not depend on', () => {
    const { timm, huggingFace } = plainVit(1, 'vit.');
    for (const [file, names] of [
      [timm, ['head.weight', 'head.bias', 'pre_logits.fc.weight', 'mask_token', 'decoder_embed.weight']],
      [huggingFace, ['classifier.weight', 'vit.pooler.dense.bias', 'vit.embeddings.mask_token']],
    ] as const)
      assert.equal(importVit(withMore(file, ...names), { heads }).fingerprint, importVit(file, { heads }).fingerprint);
  });

  it('refuses what it would have to leave out though the embedding depends on it', () => {
    const { timm, huggingFace } = plainVit(1);
    for (const name of [
      'blocks.1.ls1.gamma',
      'blocks.0.attn.q_norm.weight',
      'reg_token',
      'norm_pre.weight',
      'dist_token',
    ])
      throwsCode('CHECKPOINT_MISMATCH', () => importVit(withMore(timm, name), { heads }));
    throwsCode('CHECKPOINT_MISMATCH', () => importVit(withMore(timm, 'blocks.4.mlp.fc1.weight'), { heads })); // 3 is not there
    throwsCode('CHECKPOINT_MISMATCH', () =>
      importVit(withMore(huggingFace, 'encoder.layer.2.layer_scale1.lambda1'), { heads }),
    );
  });

  it('takes 64 channels a head unless told otherwise', () => {
    throwsCode('ARCHITECTURE_INVALID', () => importVit(plainVit(1).timm)); // 24 / 64 heads
  });

  it('refuses what is no plain ViT', () => {
    throwsCode('CHECKPOINT_MISMATCH', () => importVit({ metadata: {}, tensors: new Map() }));
    const { timm, huggingFace } = plainVit(1);
    for (const name of [
      'patch_embed.proj.weight',
      'pos_embed',
      'norm.bias',
      'blocks.1.attn.qkv.bias',
      'blocks.2.norm2.weight',
    ])
      throwsCode('CHECKPOINT_MISMATCH', () => importVit(without(timm, name), { heads }));
    throwsCode('CHECKPOINT_MISMATCH', () =>
      importVit(without(huggingFace, 'encoder.layer.0.attention.attention.key.bias'), { heads }),
    );
  });

  it('refuses a tensor of another shape', () => {
    const { timm } = plainVit(1);
    for (const name of [
      'norm.weight',
      'blocks.0.attn.qkv.weight',
      'blocks.0.attn.qkv.bias',
      'blocks.1.mlp.fc2.weight',
      'cls_token',
    ]) {
      const tensors = new Map(timm.tensors);
      const { shape, data } = tensors.get(name)!;
      const longer = [...shape.slice(0, -1), shape.at(-1)! + 1];
      const size = longer.reduce((n, m) => n * m, 1);
      tensors.set(name, { shape: longer, data: Float32Array.from({ length: size }, (_, i) => data[i] ?? 0) });
      throwsCode('CHECKPOINT_MISMATCH', () => importVit({ metadata: {}, tensors }, { heads }));
    }
  });
});
