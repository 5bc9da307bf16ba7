import { getSystemErrorMap } from 'node:util';

/**
 * Every error that matvit raises on purpose. `code` is stable and meant for programs; `status` is the HTTP
 * status the service answers with; `title` says what happened, and the detail given at the throw says to what.
 */
export const errorTable = {
  // input pictures
  IMAGE_UNREADABLE: { status: 422, title: 'The picture cannot be decoded' },
  IMAGE_UNSUPPORTED: { status: 415, title: 'This kind of file is not a supported picture' },
  IMAGE_TOO_LARGE: { status: 413, title: 'The picture exceeds the size limits' },
  IMAGE_EMPTY: { status: 422, title: 'The picture is empty' },
  DECODER_LOST: { status: 422, title: 'Two decoders ended while they were at the picture' },
  DECODER_TIMEOUT: { status: 422, title: 'The picture takes too long to decode' },
  DECODER_EXHAUSTED: { status: 503, title: 'There is not enough memory to decode the picture' },
  DECODER_UNAVAILABLE: { status: 503, title: 'No decoder can be started' },
  FILE_UNREADABLE: { status: 404, title: 'The file cannot be read' },
  // model
  CHECKPOINT_CORRUPT: { status: 500, title: 'The checkpoint is damaged' },
  CALIBRATION_INVALID: { status: 500, title: 'A calibration is not used' },
  CHECKPOINT_MISMATCH: { status: 500, title: 'The checkpoint does not match its architecture' },
  ARCHITECTURE_INVALID: { status: 400, title: 'The architecture is not valid' },
  SUBMODEL_INVALID: { status: 400, title: 'The submodel is not valid' },
  OPERATING_POINT_INVALID: { status: 400, title: 'The operating point is not valid' },
  RESOLUTION_INVALID: { status: 400, title: 'The resolution is not valid' },
  // encoder
  ENGINE_UNAVAILABLE: { status: 500, title: 'The engine cannot be loaded' },
  ENCODER_FAILED: { status: 500, title: 'The encoder failed' },
  WORKER_LOST: { status: 503, title: 'The worker that computed it has died' },
  ENCODER_CLOSED: { status: 503, title: 'The encoder has been closed' },
  // index and catalogue
  INDEX_MISSING: { status: 404, title: 'There is no index here' },
  INDEX_CORRUPT: { status: 500, title: 'The index is damaged' },
  INDEX_FAILED: { status: 500, title: 'The index failed' },
  INDEX_LOCKED: { status: 409, title: 'Another process is writing to this index' },
  MODEL_MISMATCH: { status: 409, title: 'The index was built with another model' },
  INDEX_EXISTS: { status: 409, title: 'There is an index here already' },
  JOB_RUNNING: { status: 409, title: 'Another job is under way' },
  PATH_TAKEN: { status: 409, title: 'The path belongs to another picture' },
  DATABASE_UNAVAILABLE: { status: 503, title: 'The database cannot be reached' },
  VECTOR_INVALID: { status: 400, title: 'The vector is not valid' },
  CATALOGUE_CORRUPT: { status: 500, title: 'The catalogue is damaged' },
  STORAGE_FAILED: { status: 507, title: 'A file cannot be written' },
  FILTER_INVALID: { status: 400, title: 'The filter is not valid' },
  CURSOR_INVALID: { status: 400, title: 'The cursor is not valid' },
  METADATA_INVALID: { status: 400, title: 'The metadata is not valid' },
  FOLDER_UNREADABLE: { status: 404, title: 'The folder cannot be read' },
  FOLDER_EMPTY: { status: 409, title: 'The folder has no pictures any more' },
  // requests
  REQUEST_INVALID: { status: 400, title: 'The request is not valid' },
  REQUEST_TOO_LARGE: { status: 413, title: 'The request is too large' },
  REQUEST_ABORTED: { status: 499, title: 'It was cancelled, or the client has gone' },
  BUDGET_EXCEEDED: { status: 503, title: 'The answer cannot be had within the latency budget' },
  QUEUE_FULL: { status: 503, title: 'Too many requests are waiting' },
  REQUEST_TIMEOUT: { status: 408, title: 'The request did not arrive in time' },
  KEY_MISSING: { status: 401, title: 'The request needs a valid key' },
  KEY_INSUFFICIENT: { status: 403, title: 'The key does not allow this' },
  ORIGIN_FORBIDDEN: { status: 403, title: 'The page that asks belongs to another site' },
  RATE_LIMITED: { status: 429, title: 'The client asks too often' },
  INDEX_READ_ONLY: { status: 403, title: 'The index cannot be changed through this service' },
  URL_FORBIDDEN: { status: 403, title: 'Nothing may be fetched from this address' },
  URL_UNREACHABLE: { status: 422, title: 'The address cannot be fetched' },
  NOT_FOUND: { status: 404, title: 'There is no such resource' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'The resource does not support this method' },
  SERVER_STOPPING: { status: 503, title: 'The server is stopping' },
  INTERNAL: { status: 500, title: 'Something went wrong inside matvit' },
  // configuration and training
  OPTION_INVALID: { status: 400, title: 'The option is not valid' },
  TRAINING_DATA: { status: 400, title: 'The training pictures cannot be used' },
  TRAINING_DIVERGED: { status: 500, title: 'The training has diverged' },
  TRAINING_FAILED: { status: 500, title: 'A step of the training failed' },
  RUN_EXISTS: { status: 409, title: 'There is a training run or a model here already' },
  RUN_LOCKED: { status: 409, title: 'Another process is training into this folder' },
  RUN_MISSING: { status: 404, title: 'There is no training run here' },
  RESUME_MISMATCH: { status: 409, title: 'The run cannot be resumed' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ErrorCode = keyof typeof errorTable;

export class MatvitError extends Error {
  override readonly name = 'MatvitError';
  readonly status: number;

  /** @param detail what it happened to and why, as a clause without a full stop: `cat.jpg: premature end of file` */
  constructor(
    readonly code: ErrorCode,
    readonly detail: string,
    options?: { cause?: unknown },
  ) {
    super(`${errorTable[code].title}: ${detail}`, options);
    this.status = errorTable[code].status;
  }
}

/** For throwing when something could not be written at `path`: the error itself, if it has a code already. */
export function storageFailed(path: string, error: unknown): MatvitError {
  if (error instanceof MatvitError) return error;
  const { path: failed = path } = (error ?? {}) as NodeJS.ErrnoException; // of several files, the one that it was
  const which = failed.startsWith(path) ? '' : ` (${failed})`;
  return new MatvitError('STORAGE_FAILED', `${path}: ${reasonOf(error)}${which}`, { cause: error });
}

/** The reason in any thrown value, for the detail of a MatvitError. Of files it leaves the path out, which is said before. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, errno } = error as NodeJS.ErrnoException;
  const isOfFile = errno !== undefined && error.message.startsWith(`${code}: `);
  return (isOfFile && getSystemErrorMap().get(errno)?.[1]) || error.message;
}
