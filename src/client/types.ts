/** What the API takes and gives: the types of the very schemas that the OpenAPI document is made from. */
import type { z } from 'zod';
import type { Metadata } from '../catalogue/image.js';
import type { frontier } from '../service/frontier.js';
import type { health } from '../service/health.js';
import type * as images from '../service/image-schemas.js';
import type { indexStatus } from '../service/index-status.js';
import type { job } from '../service/job-routes.js';
import type * as schemas from '../service/schemas.js';
import type { embedding } from '../service/search.js';
import type { added } from '../service/writing.js';

export type Query = z.input<typeof schemas.query>;
export type VectorQuery = z.input<typeof schemas.vectorQuery>;
export type EmbedQuery = z.input<typeof schemas.embedQuery>;
export type Crop = z.input<typeof schemas.crop>;
export type SearchAnswer = z.output<typeof schemas.answer>;
export type Hit = z.output<typeof schemas.hit>;
export type Cost = z.output<typeof schemas.cost>;
export type Embedding = z.output<typeof embedding>;
export type Frontier = z.output<typeof frontier>;
export type Image = z.output<typeof images.image>;
export type AddedImage = z.output<typeof added>;
export type NewPictures = z.input<typeof images.newPictures>;
export type IndexStatus = z.output<typeof indexStatus>;
export type Job = z.output<typeof job>;
export type Health = z.output<typeof health>;
export type { Metadata };

/** The bytes of a picture. */
export type Picture = Blob | Uint8Array<ArrayBuffer>;

/** How one picture is searched with or embedded. */
export type EncodeFields = Omit<EmbedQuery, 'image' | 'url'>;
export type SearchFields = Omit<Query, 'like' | 'unlike'> & { readonly crop?: Crop };
export type ListFields = { readonly limit?: number; readonly filter?: Query['filter']; readonly cursor?: string };
export type NewFields = { readonly path?: string; readonly metadata?: Metadata | readonly Metadata[] };

/** As problem details (RFC 9457) have it. */
export interface ProblemDetails {
  readonly title: string;
  readonly status?: number;
  readonly detail?: string;
  readonly code: string;
  /** the request's id, as in the server's log */
  readonly request?: string;
}
