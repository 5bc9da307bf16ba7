/**
 * How familiar a query is to a corpus: the rank of its best score among the scores that the corpus's own pictures have
 * with their nearest others. Were the query one more picture of their kind, every rank would be as likely as another
 * (conformal prediction, https://arxiv.org/abs/0706.3188), whatever the corpus and the encoder. A rank of at most 0.02
 * therefore befalls 2% of such queries.
 */
import type { VectorRows } from '../catalogue/vector-rows.js';
import type { Neighbour } from '../index/vector-index.js';

/** Familiarity up to which a corpus counts as having nothing like the query: what queries of its own kind fall short of so often. */
export const unfamiliar = 0.02;

/** Pictures that are looked at: 0.02 is then known to about 0.006. */
const sampled = 500;
/** With fewer no rank could be as low as 0.02. */
const fewest = 50;
/** Milliseconds after which a search looks whether the corpus has grown or shrunk, and the share by which it must. */
const lookEvery = 60_000;
const grown = 0.1;

export interface Corpus {
  /** vectors in it: exact duplicates share theirs */
  size(): number | Promise<number>;
  /** at most `count` vectors from all over it */
  sample(count: number): VectorRows | Promise<VectorRows>;
  search(query: Float32Array, k: number): Promise<Neighbour[]>;
}

interface Measured {
  /** in the corpus when it was measured */
  readonly vectors: number;
  /** of the sample, each with its nearest other vector */
  readonly scores: readonly number[];
}

export class Familiarity {
  private measured: Promise<Measured> | undefined;
  private lastLook = -Infinity;

  constructor(
    private readonly corpus: Corpus,
    private readonly every = lookEvery,
  ) {}

  /**
   * The first call waits for the corpus to be measured: 500 searches.
   * @param best the query's best score, as the full model would have it
   * @returns 0 … 1; undefined if the corpus has fewer than 50 distinct pictures
   * @throws what the corpus does
   */
  async of(best: number): Promise<number | undefined> {
    const now = performance.now();
    if (!this.measured) {
      this.lastLook = now;
      this.measured = this.measure();
      this.measured.catch(() => (this.measured = undefined));
    }
    const measured = await this.measured;
    if (now - this.lastLook > this.every) {
      this.lastLook = now;
      void this.follow(measured);
    }
    const { scores } = measured;
    if (scores.length < fewest) return undefined;
    return (scores.filter(score => score <= best).length + 1) / (scores.length + 1);
  }

  /** In the background: searches go on with what was measured before. */
  private async follow(before: Measured): Promise<void> {
    try {
      const vectors = await this.corpus.size();
      if (Math.abs(vectors - before.vectors) <= grown * before.vectors) return;
      this.measured = Promise.resolve(await this.measure());
    } catch {
      // of an index that is being closed; else the next look meets it again
    }
  }

  private async measure(): Promise<Measured> {
    const vectors = await this.corpus.size();
    const scores: number[] = [];
    if (vectors < fewest) return { vectors, scores };
    const sample = await this.corpus.sample(sampled);
    const dimension = sample.vectors.length / sample.ids.length;
    for (const [i, id] of sample.ids.entries()) {
      const neighbours = await this.corpus.search(sample.vectors.subarray(i * dimension, (i + 1) * dimension), 2);
      const other = neighbours.find(neighbour => neighbour.id !== id);
      if (other) scores.push(other.score);
    }
    return { vectors, scores };
  }
}
