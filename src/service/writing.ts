/** Changing the index over HTTP. What is answered is on disk, and in the next search. */
import pMap from 'p-map';
import { z } from 'zod';
import type { Image, Metadata } from '../catalogue/image.js';
import type { NewPicture } from '../corpus/writer.js';
import { type ErrorCode, MatvitError } from '../errors.js';
import { decodingErrors } from '../image/decoder.js';
import type { Searcher } from '../search/searcher.js';
import { problemOf } from './errors.js';
import { type Fetching, checkCount, checkSingle, fetchFor } from './examples.js';
import * as schemas from './image-schemas.js';
import { imageOf, params } from './images.js';
import { type Route, route } from './route.js';
import { metadata } from './schemas.js';
import type { Service } from './service.js';
import type { UploadedFile } from './upload.js';

const decoding: readonly ErrorCode[] = [
  ...decodingErrors,
  ...(['ENCODER_FAILED', 'ENCODER_CLOSED', 'WORKER_LOST', 'URL_FORBIDDEN', 'URL_UNREACHABLE'] as const),
];

/** pictures of one request that are decoded and embedded at the same time */
const width = 8;

export const added = z
  .strictObject({ ...schemas.image.shape, created: z.boolean().describe('false: it replaced the one at its path') })
  .meta({ id: 'AddedImage' });
const problem = z.object({ code: z.string() }).loose();

export function writingRoutes(service: Service): Route[] {
  const pictureOf = async ({ image, url }: schemas.Source, context: Fetching) =>
    image ?? (await fetchFor(service, url!, context));
  const forgetReplaced = async (searcher: Searcher, before: Image | undefined, { sha256 }: Image) => {
    if (before && before.sha256 !== sha256) await service.thumbnails.forget(searcher, before.sha256);
  };
  return [
    route({
      ...{ method: 'post', path: '/v1/images', access: 'write', operation: 'addImages', tag: 'Pictures' },
      changes: true,
      summary: 'Adds pictures, or replaces those that were added at the same paths before',
      description:
        'The picture is the whole body; or several are files `image` of a form, with one object of metadata for all ' +
        'or a list of them; or everything is JSON, with pictures in base64 or by URL. Without a path they are named by ' +
        'their SHA-256, so that a request may be repeated. One that fails does not fail the others. More pictures than ' +
        'the setting `maxPictures` allows are refused together.',
      body: { kind: 'pictures', schema: schemas.newPictures, fields: schemas.newPictureFields, files: ['image'] },
      answer: {
        status: 201,
        description: 'what was added, or a problem, for each picture in their order; the first problem if all failed',
        schema: z.strictObject({ images: z.array(z.union([added, problem])) }),
      },
      errors: [...decoding, 'PATH_TAKEN', 'METADATA_INVALID'],
      async handle({ searcher, query, body, upload, ...context }) {
        const writer = service.writerOf(searcher);
        const asked = upload
          ? uploaded(upload.files, query)
          : body.pictures.map(picture => ({ ...picture, picture: () => pictureOf(picture, context) }));
        checkCount(service, asked.length);
        const results = await pMap(
          asked,
          async ({ picture, path, metadata }) => {
            // what was uploaded counts no longer when its client has gone
            if (context.signal.aborted) throw new MatvitError('REQUEST_ABORTED', 'nobody waits for the answer');
            try {
              const { image, before } = await writer.add({ picture: await picture(), path, metadata });
              await forgetReplaced(searcher, before, image);
              service.metrics.changed(before ? 'replace' : 'add');
              return { ...imageOf(image), created: before === undefined };
            } catch (error) {
              if (error instanceof MatvitError) return error;
              throw error;
            }
          },
          { concurrency: width },
        );
        const [first] = results;
        if (first instanceof MatvitError && results.every(result => result instanceof MatvitError)) throw first;
        return {
          images: results.map(result =>
            result instanceof MatvitError ? (JSON.parse(problemOf(result)) as unknown) : result,
          ),
        };
      },
    }),
    route({
      ...{ method: 'put', path: '/v1/images/{id}', access: 'write', operation: 'replaceImage', tag: 'Pictures' },
      changes: true,
      summary: 'Gives a picture that was added other bytes; it keeps id, path and metadata',
      params,
      body: { kind: 'pictures', schema: schemas.source, fields: z.strictObject({}), files: ['image'] },
      answer: { status: 200, description: 'the picture', schema: schemas.image },
      errors: [...decoding, 'NOT_FOUND', 'PATH_TAKEN'],
      async handle({ searcher, params: { id }, body, upload, ...context }) {
        checkSingle(upload);
        const picture = await (upload ? uploaded(upload.files, {})[0]!.picture() : pictureOf(body, context));
        const before = await searcher.index.image(id);
        const image = await service.writerOf(searcher).replace(id, picture);
        await forgetReplaced(searcher, before, image);
        service.metrics.changed('replace');
        return imageOf(image);
      },
    }),
    route({
      ...{ method: 'patch', path: '/v1/images/{id}', access: 'write', operation: 'editImage', tag: 'Pictures' },
      changes: true,
      summary: 'Merges metadata into that of a picture (RFC 7396): null removes a field',
      params,
      body: { kind: 'json', schema: z.strictObject({ metadata }) },
      answer: { status: 200, description: 'the picture', schema: schemas.image },
      errors: ['NOT_FOUND', 'METADATA_INVALID'],
      async handle({ searcher, params: { id }, body: { metadata: patch } }) {
        const image = await service.writerOf(searcher).patchMetadata(id, patch);
        service.metrics.changed('edit');
        return imageOf(image);
      },
    }),
    route({
      ...{ method: 'delete', path: '/v1/images/{id}', access: 'write', operation: 'deleteImage', tag: 'Pictures' },
      changes: true,
      summary: 'Deletes a picture from the index',
      description:
        'A file of the folder that was indexed stays where it is, and comes back with the next indexing unless it is ' +
        'deleted there too.',
      params,
      answer: { status: 204, description: 'it is gone' },
      errors: ['NOT_FOUND'],
      async handle({ searcher, params: { id } }) {
        const { sha256 } = await service.writerOf(searcher).delete(id);
        await service.thumbnails.forget(searcher, sha256);
        service.metrics.changed('delete');
      },
    }),
  ];
}

interface Asked extends Omit<NewPicture, 'picture'> {
  readonly picture: () => Buffer | Promise<Buffer>;
}

/** @throws REQUEST_INVALID */
function uploaded(files: readonly UploadedFile[], { path, metadata }: schemas.NewPictureFields): Asked[] {
  if (files.length === 0 || files.some(({ bytes }) => bytes.length === 0))
    throw new MatvitError('REQUEST_INVALID', 'send a picture as the body, or as files `image` of a form, or JSON');
  if (path !== undefined && files.length > 1)
    throw new MatvitError('REQUEST_INVALID', 'a path is of one picture; send several as JSON, each with its own');
  if (Array.isArray(metadata) && metadata.length !== files.length)
    throw new MatvitError('REQUEST_INVALID', `there is metadata for ${metadata.length} of ${files.length} pictures`);
  return files.map(({ bytes }, i) => ({
    picture: () => bytes,
    path,
    metadata: Array.isArray(metadata) ? (metadata[i] as Metadata) : (metadata as Metadata | undefined),
  }));
}
