/** Where the milliseconds went, and how the hits compare with the full model's. */

const stages = ['decode', 'wait', 'encode', 'search'];
const $ = id => document.querySelector(`#${id}`);

export function hideCost() {
  $('cost').hidden = true;
}

export function showCost({ ms, relativeMacs, at }) {
  $('cost').hidden = false;
  $('total').textContent = ms.total.toFixed(1);
  $('macs').textContent = `${(100 * relativeMacs).toFixed(0)}%`;
  $('bar').setAttribute('aria-label', stages.map(stage => `${stage} ${ms[stage].toFixed(1)} ms`).join(', '));
  $('bar').replaceChildren(
    ...stages.map(stage => {
      const part = document.createElement('i');
      part.className = stage;
      part.style.flexGrow = ms[stage];
      return part;
    }),
  );
  $('legend').replaceChildren(
    ...stages.map(stage => {
      const item = document.createElement('li');
      const swatch = document.createElement('i');
      swatch.className = stage;
      item.append(swatch, `${stage} ${ms[stage].toFixed(1)} ms`);
      return item;
    }),
  );
  $('cost').dataset.at = at;
}

/** @param reference the full model's answer to the same picture, or undefined while it is not known */
export function compare(answer, reference) {
  const known = new Set(reference?.hits.map(hit => hit.id));
  const fresh = new Set(reference ? answer.hits.filter(hit => !known.has(hit.id)).map(hit => hit.id) : []);
  const same = answer.hits.length - fresh.size;
  $('same').textContent = reference ? `${same} of ${answer.hits.length}` : '…';
  const faster = reference && reference.cost.ms.total / answer.cost.ms.total;
  $('same-label').textContent =
    faster && answer !== reference
      ? `hits as XL@224 finds, ${faster.toFixed(1)} times as fast`
      : 'hits as XL@224 finds';
  return fresh;
}
