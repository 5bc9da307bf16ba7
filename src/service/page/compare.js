/** An answer beside the full model's answer to the same query. */

/** @typedef {import('./api.js').EncodedAnswer} EncodedAnswer */

/**
 * @typedef {object} Comparison
 * @property {Set<number>} extra ids of hits that the full model does not have
 * @property {EncodedAnswer['hits']} missed hits of the full model that the answer does not have
 * @property {number} same hits that both have
 * @property {number} of hits of the longer answer: with a least similarity one may have fewer than the other
 * @property {number} times how many times as fast the answer was
 */

/** @param {EncodedAnswer} answer @param {EncodedAnswer} reference @returns {Comparison} */
export function compare(answer, reference) {
  const theirIds = new Set(reference.hits.map(hit => hit.id));
  const ourIds = new Set(answer.hits.map(hit => hit.id));
  const extra = new Set([...ourIds].filter(id => !theirIds.has(id)));
  return {
    extra,
    missed: reference.hits.filter(hit => !ourIds.has(hit.id)),
    same: ourIds.size - extra.size,
    of: Math.max(answer.hits.length, reference.hits.length),
    times: reference.cost.ms.total / answer.cost.ms.total,
  };
}
