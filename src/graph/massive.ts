/**
 * Massive activations: a ViT may have a hidden neuron or two whose values are tens of times those of all others, whatever
 * the picture (Sun et al. 2024, arXiv 2402.17762). A scale that has to reach them leaves the others few steps, so int8
 * layers compute them apart (as LLM.int8() does, Dettmers et al. 2022, arXiv 2208.07339).
 */

/** How many times the median of its layer a neuron's bound has to be. Of ViT-Ti's 9,216 neurons one has 17, no other 3. */
const outlying = 6;

/**
 * Found from the weights alone: a normalised token has the length √D, which bounds what a neuron can come to
 * (Cauchy-Schwarz).
 * @param data values of a block's tensors, by their names within it: `up` [M, D] with its bias [M], `norm2` [D] before it
 * @returns places of the massive ones among the M, ascending
 */
export function massiveNeurons(data: (name: string) => Float32Array): number[] {
  const [weight, bias] = [data('up.weight'), data('up.bias')];
  const [normWeight, normBias] = [data('norm2.weight'), data('norm2.bias')];
  const width = normWeight.length;
  const bounds = Array.from(bias, (offset, neuron) => {
    let [square, most] = [0, offset];
    for (let i = 0; i < width; i++) {
      const w = weight[neuron * width + i]!;
      square += (w * normWeight[i]!) ** 2;
      most += w * normBias[i]!;
    }
    return most + Math.sqrt(square * width);
  });
  // a pruned ViT has neurons without any weight
  const alive = bounds.filter(bound => bound > 0).sort((a, b) => a - b);
  const median = alive[alive.length >> 1] ?? 0;
  return bounds.flatMap((bound, neuron) => (bound > outlying * median ? [neuron] : []));
}
