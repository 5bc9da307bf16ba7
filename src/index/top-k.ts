import type { Neighbour } from './vector-index.js';

/** The k best of a stream: a binary heap with the worst of them at its root. */
export class TopK {
  private readonly heap: Neighbour[] = [];

  constructor(private readonly k: number) {}

  /** Scores below this cannot enter: checked by the caller's loop before it makes an object. */
  get threshold(): number {
    return this.heap.length < this.k ? -Infinity : this.heap[0]!.score;
  }

  add(candidate: Neighbour): void {
    const { heap } = this;
    if (heap.length < this.k) {
      heap.push(candidate);
      for (let i = heap.length - 1; i > 0;) {
        const parent = (i - 1) >> 1;
        if (byRank(heap[i]!, heap[parent]!) <= 0) break;
        this.swap(i, parent);
        i = parent;
      }
    } else if (byRank(candidate, heap[0]!) < 0) {
      heap[0] = candidate;
      this.sink();
    }
  }

  /** Best first. */
  sorted(): Neighbour[] {
    return [...this.heap].sort(byRank);
  }

  private sink(): void {
    const { heap } = this;
    for (let i = 0; ;) {
      let worst = i;
      for (const child of [2 * i + 1, 2 * i + 2])
        if (child < heap.length && byRank(heap[child]!, heap[worst]!) > 0) worst = child;
      if (worst === i) return;
      this.swap(i, worst);
      i = worst;
    }
  }

  private swap(i: number, j: number): void {
    [this.heap[i], this.heap[j]] = [this.heap[j]!, this.heap[i]!];
  }
}

/** The order of every result: best score first, equal scores by ascending id. */
export function byRank(a: Neighbour, b: Neighbour): number {
  return b.score - a.score || a.id - b.id;
}
