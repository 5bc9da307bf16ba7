/** From what clients send to what the searcher takes. */
import type { Image } from '../catalogue/image.js';
import { MatvitError } from '../errors.js';
import { fetchPicture } from '../image/fetch.js';
import type { Example, Searcher } from '../search/searcher.js';
import type { Context } from './route.js';
import type { Example as Asked, Query } from './schemas.js';
import type { Service } from './service.js';
import type { Upload } from './upload.js';

/** @throws NOT_FOUND */
export async function findImage({ index }: Searcher, id: number): Promise<Image> {
  const image = await index.image(id);
  if (!image) throw new MatvitError('NOT_FOUND', `there is no picture ${id}`);
  return image;
}

/** What fetching for a request needs of its context. */
export type Fetching = Pick<Context<unknown, unknown, unknown>, 'signal' | 'take'>;

/** @throws URL_FORBIDDEN, URL_UNREACHABLE, IMAGE_TOO_LARGE, QUEUE_FULL, REQUEST_ABORTED */
export function fetchFor({ config }: Service, url: string, { signal, take }: Fetching): Promise<Buffer> {
  if (config.urlHosts.length === 0) throw new MatvitError('URL_FORBIDDEN', 'search by URL is off; see --url-hosts');
  return fetchPicture(url, { hosts: config.urlHosts, maxBytes: config.maxBytes, signal, take });
}

/** @param count pictures that a request has decoded @throws REQUEST_INVALID where it may not have as many */
export function checkCount({ config: { maxPictures } }: Service, count: number): void {
  if (count > maxPictures) throw new MatvitError('REQUEST_INVALID', `more than ${maxPictures} pictures`);
}

/** For what takes one picture. @throws REQUEST_INVALID for a form of several */
export function checkSingle(upload: Upload | undefined): void {
  if (upload && upload.files.length > 1) throw new MatvitError('REQUEST_INVALID', 'send one picture');
}

/** examples that a request may have, pictures of the index among them: each of those is read in a moment */
const mostExamples = 1000;

/** Pictures of the index have not to be encoded, unless a part of them is meant. @throws REQUEST_INVALID */
export function checkQueries(service: Service, queries: readonly Query[]): void {
  const examples = queries.flatMap(({ like, unlike }) => [...like, ...unlike]);
  if (examples.length > mostExamples)
    throw new MatvitError('REQUEST_INVALID', `more than ${mostExamples} examples in one request`);
  checkCount(service, examples.filter(({ id, crop }) => id === undefined || crop !== undefined).length);
}

/** @param sign -1 for what hits should not be like @throws NOT_FOUND, QUEUE_FULL, and what fetchFor does */
export async function resolveExample(
  service: Service,
  searcher: Searcher,
  { image, id, url, crop, weight }: Asked,
  { sign, context }: { sign: 1 | -1; context: Fetching },
): Promise<Example> {
  const rest = { crop, weight: sign * weight };
  if (image) return { of: image, name: 'the upload', ...rest };
  if (url !== undefined) return { of: await fetchFor(service, url, context), name: 'the fetched picture', ...rest };
  const stored = await findImage(searcher, id!);
  if (crop) {
    if (stored.stored) context.take(stored.size); // its bytes come from the catalogue, and wait as an upload's would
    return { of: await searcher.index.picture(stored), name: stored.path, ...rest };
  }
  return { of: { vector: await searcher.index.embedding(stored) }, ...rest };
}

/** Files of a form, or the body, as examples. @throws REQUEST_INVALID if there is none */
export function uploadedExamples({ files }: Upload, crop: Asked['crop']): { like: Asked[]; unlike: Asked[] } {
  const of = (field: string): Asked[] =>
    files.filter(file => file.field === field).map(({ bytes }) => ({ image: bytes, weight: 1, crop }));
  const [like, unlike] = [of('image'), of('unlike')];
  if (like.length === 0 || files.some(({ bytes }) => bytes.length === 0))
    throw new MatvitError('REQUEST_INVALID', 'send a picture as the body, or as files `image` of a form, or JSON');
  return { like, unlike };
}
