/** The use case: a picture in, the nearest pictures of the corpus out, with what it cost. */
import type { Metadata } from '../catalogue/image.js';
import type { ImageIndex, SearchOptions, SearchResult } from '../corpus/image-index.js';
import type { Encoder } from '../encoder/encoder.js';
import { decode } from '../image/decode.js';
import type { ImageLimits } from '../image/limits.js';
import type { PictureSource } from '../image/open.js';
import { relativeMacs } from '../model/cost.js';
import { type OperatingPoint, printOperatingPoint } from '../model/operating-point.js';

export interface Hit {
  readonly id: number;
  /** relative to the corpus root */
  readonly path: string;
  /** cosine similarity, -1 … 1 */
  readonly score: number;
  readonly metadata: Metadata;
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

export interface SearchAnswer extends Omit<SearchResult, 'hits'> {
  readonly hits: readonly Hit[];
  readonly cost: Cost;
}

export interface SearchRequest extends SearchOptions {
  readonly picture: PictureSource;
  /** what errors call the picture */
  readonly name?: string;
  readonly at: OperatingPoint;
}

export class Searcher {
  constructor(
    readonly encoder: Encoder,
    readonly index: ImageIndex,
    private readonly limits?: ImageLimits,
  ) {}

  /** @throws the errors of decode, of Encoder.embed and of the index */
  async search({ picture, name, at, ...options }: SearchRequest): Promise<SearchAnswer> {
    const began = performance.now();
    const pixels = await decode(picture, at.resolution, {
      ...(name === undefined ? {} : { name }),
      ...(this.limits ? { limits: this.limits } : {}),
    });
    const decoded = performance.now();
    const { vectors, waitMs, encodeMs } = await this.encoder.embed(pixels, at);
    const encoded = performance.now();
    const { hits, ...rest } = await this.index.search(vectors, options);
    const ended = performance.now();
    return {
      hits: hits.map(({ image: { id, path, metadata }, score }) => ({ id, path, score, metadata })),
      ...rest,
      cost: {
        at: printOperatingPoint(at),
        relativeMacs: relativeMacs(this.encoder.architecture, at),
        ms: { decode: decoded - began, wait: waitMs, encode: encodeMs, search: ended - encoded, total: ended - began },
      },
    };
  }
  /** Closes encoder and index. */
  async close(): Promise<void> {
    await this.encoder.close();
    await this.index.close();
  }
}
