/** Bodies of requests, read with limits that hold whatever a client declares. */
import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { Request, Response } from 'express';
import multer from 'multer';
import { MatvitError, reasonOf } from '../errors.js';

/** Pictures of one request, by the name of their form field; '' for one that is the whole body. */
export interface Upload {
  readonly files: readonly UploadedFile[];
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface UploadedFile {
  readonly field: string;
  /** as the client named it */
  readonly name: string;
  readonly bytes: Buffer;
}

export interface UploadLimits {
  readonly maxBytes: number;
  readonly maxPictures: number;
}

/**
 * Bytes of uploads that may be held at the same time. A client may hold as much as it leaves free, so that others have room
 * however many fill it (the dynamic threshold of Choudhury and Hahne, 1998).
 */
export class UploadMemory {
  private held = 0;
  private readonly clients = new Map<string, number>();

  constructor(private readonly capacity: number) {}

  /**
   * A share for one request, given back when its answer has been sent or the client has gone: then there is no more of it,
   * though what has arrived of a compressed body may still be unpacked.
   */
  share(client: string, response: Response): (bytes: number) => void {
    let taken = 0;
    response.once('close', () => this.add(client, -taken));
    return bytes => {
      if (response.closed) throw new MatvitError('REQUEST_ABORTED', 'nobody waits for the answer');
      if (this.heldBy(client) + bytes > this.capacity - this.held - bytes)
        throw new MatvitError('QUEUE_FULL', 'too many uploads are under way; ask again in a moment');
      taken += bytes;
      this.add(client, bytes);
    };
  }

  private heldBy(client: string): number {
    return this.clients.get(client) ?? 0;
  }

  private add(client: string, bytes: number): void {
    this.held += bytes;
    const held = this.heldBy(client) + bytes;
    if (held === 0) this.clients.delete(client);
    else this.clients.set(client, held);
  }
}

const decoders: ReadonlyMap<string, () => Transform> = new Map([
  ['gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);

const tooLarge = (limit: number) =>
  new MatvitError('REQUEST_TOO_LARGE', `the upload is larger than the limit of ${limit} bytes`);

/** The whole body. @throws REQUEST_TOO_LARGE, REQUEST_INVALID, QUEUE_FULL, REQUEST_ABORTED */
export function readBody(request: Request, limit: number, take: (bytes: number) => void): Promise<Buffer> {
  const encoding = (request.get('Content-Encoding') ?? 'identity').toLowerCase();
  const length = Number(request.get('Content-Length'));
  if (length > limit) return Promise.reject(tooLarge(limit));
  const decoder = encoding === 'identity' ? undefined : decoders.get(encoding)?.();
  if (encoding !== 'identity' && !decoder)
    return Promise.reject(new MatvitError('REQUEST_INVALID', `the content encoding ${encoding} is not supported`));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const source = decoder ?? request;
    const fail = (error: unknown) => {
      source.off('data', onData);
      if (decoder) request.unpipe(decoder);
      decoder?.destroy();
      reject(error instanceof Error ? error : new Error(String(error)));
    };
    const onData = (chunk: Buffer) => {
      try {
        size += chunk.length;
        if (size > limit) throw tooLarge(limit);
        take(chunk.length);
        chunks.push(chunk);
      } catch (error) {
        fail(error);
      }
    };
    source.on('data', onData);
    source.once('end', () => {
      resolve(Buffer.concat(chunks));
      chunks.length = 0; // the request, which lasts as long as its answer takes, has hold of them
    });
    const gone = () => fail(new MatvitError('REQUEST_ABORTED', 'the upload ended early'));
    request.once('aborted', gone).once('error', gone);
    if (!decoder) return;
    decoder.on('error', error =>
      fail(new MatvitError('REQUEST_INVALID', `the body is not valid ${encoding}: ${reasonOf(error)}`)),
    );
    request.pipe(decoder); // `pipeline` would take its socket from a request that has not ended
  });
}

/** Pictures and fields of a form. @throws REQUEST_TOO_LARGE, REQUEST_INVALID, QUEUE_FULL, REQUEST_ABORTED */
export function readForm(
  request: Request,
  response: Response,
  names: readonly string[],
  { maxBytes, maxPictures }: UploadLimits,
  take: (bytes: number) => void,
): Promise<Upload> {
  const limits = {
    ...{ fileSize: maxBytes, files: maxPictures, fields: 20, fieldSize: 100_000, fieldNameSize: 50 },
    fieldNestingDepth: 0, // `k[4294967294]` would be an array of that length
  };
  return new Promise((resolve, reject) => {
    const files: UploadedFile[] = [];
    const storage: multer.StorageEngine = {
      _handleFile(_request, { stream, fieldname, originalname }, done) {
        const chunks: Buffer[] = [];
        // multer tells of an error once all of the body has been read, however much that is
        const fail = (error: unknown) => {
          stream.removeAllListeners('data').resume();
          chunks.length = 0;
          reject(formError(error, names));
          done(error);
        };
        stream.on('data', (chunk: Buffer) => {
          try {
            take(chunk.length);
            chunks.push(chunk);
          } catch (error) {
            fail(error);
          }
        });
        stream.once('limit', () => fail(tooLarge(maxBytes))).once('error', error => done(error));
        stream.once('end', () => {
          files.push({ field: fieldname, name: originalname, bytes: Buffer.concat(chunks) });
          done(null, {});
        });
      },
      _removeFile: (_request, _file, done) => done(null),
    };
    const parse = multer({ storage, limits }).fields(names.map(name => ({ name, maxCount: maxPictures })));
    parse(request, response, (error: unknown) => {
      if (error === undefined) resolve({ files, fields: (request.body ?? {}) as Record<string, unknown> });
      else reject(formError(error, names));
    });
  });
}

/** What multer throws without a code is its parser's: the form is malformed or ends early. */
function formError(error: unknown, names: readonly string[]): Error {
  if (error instanceof MatvitError) return error;
  if (error instanceof multer.MulterError && error.code === 'LIMIT_UNEXPECTED_FILE') {
    const taken = names.length === 0 ? 'JSON is taken here' : `the files of this form are ${names.join(', ')}`;
    return new MatvitError('REQUEST_INVALID', `'${error.field}' is unexpected; ${taken}`, { cause: error });
  }
  const isKnown = error instanceof Error && 'code' in error && String(error.code).startsWith('LIMIT_');
  return isKnown ? error : new MatvitError('REQUEST_INVALID', `the form: ${reasonOf(error)}`, { cause: error });
}
