/** The use case: a picture in, the nearest pictures of the corpus out, with what it cost. */
import type { Metadata } from '../catalogue/image.js';
import type { ImageIndex } from '../corpus/image-index.js';
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
    readonly index: ImageIndex,
    private readonly limits?: ImageLimits,
  ) {}

  /** @throws the errors of decode, of Encoder.embed and of the index */
  async search({ picture, name, k, at }: SearchRequest): Promise<SearchAnswer> {
    const began = performance.now();
    const pixels = await decode(picture, at.resolution, {
      ...(name === undefined ? {} : { name }),
      ...(this.limits ? { limits: this.limits } : {}),
    });
    const decoded = performance.now();
    const { vectors, waitMs, encodeMs } = await this.encoder.embed(pixels, at);
    const encoded = performance.now();
    const found = await this.index.search(vectors, k);
    const ended = performance.now();
    return {
      hits: found.map(({ image: { id, path, metadata }, score }) => ({ id, path, score, metadata })),
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
