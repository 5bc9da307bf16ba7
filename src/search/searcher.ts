/** The use case: a picture in, the nearest pictures of the corpus out, with what it cost. */
import type { Json } from '../catalogue/image.js';
import type { Encoder } from '../encoder/encoder.js';
import { decode } from '../image/decode.js';
import type { PictureSource } from '../image/open.js';
import { relativeMacs } from '../model/cost.js';
import { type OperatingPoint, printOperatingPoint } from '../model/operating-point.js';

/** What the searcher needs of an index: corpus/store.ts has it. */
export interface SearchableIndex {
  search(vector: Float32Array, k: number): Promise<Hit[]>;
}

export interface Hit {
  readonly id: number;
  /** relative to the corpus root */
  readonly path: string;
  /** cosine similarity, -1 … 1 */
  readonly score: number;
  readonly metadata: Readonly<Record<string, Json>>;
}

export interface Cost {
  /** the operating point that encoded the query */
  readonly at: string;
  /** multiply-accumulates as a share of the full model's */
  readonly relativeMacs: number;
  readonly ms: {
    readonly decode: number;
    /** for a free encoder */
    readonly wait: number;
    readonly encode: number;
    readonly search: number;
    readonly total: number;
  };
}

export interface SearchAnswer {
  readonly hits: readonly Hit[];
  readonly cost: Cost;
}

export interface SearchRequest {
  readonly picture: PictureSource;
  /** what errors call the picture */
  readonly name?: string;
  readonly k: number;
  readonly at: OperatingPoint;
}

export class Searcher {
  constructor(
    readonly encoder: Encoder,
    private readonly index: SearchableIndex,
  ) {}

  /** @throws the errors of decode, of Encoder.embed and of the index */
  async search({ picture, name, k, at }: SearchRequest): Promise<SearchAnswer> {
    const began = performance.now();
    const pixels = await decode(picture, at.resolution, name === undefined ? {} : { name });
    const decoded = performance.now();
    const { vectors, waitMs, encodeMs } = await this.encoder.embed(pixels, at);
    const encoded = performance.now();
    const hits = await this.index.search(vectors, k);
    const ended = performance.now();
    return {
      hits,
      cost: {
        at: printOperatingPoint(at),
        relativeMacs: relativeMacs(this.encoder.architecture, at),
        ms: { decode: decoded - began, wait: waitMs, encode: encodeMs, search: ended - encoded, total: ended - began },
      },
    };
  }
}
