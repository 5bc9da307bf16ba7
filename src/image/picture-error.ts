import { type ErrorCode, MatvitError } from '../errors.js';

/** An error about one picture, on one line whatever the picture's name contains. */
export function pictureError(code: ErrorCode, name: string, reason: string, cause?: unknown): MatvitError {
  return new MatvitError(code, `${name.replace(/\p{Cc}/gu, '?')}: ${reason}`, { cause });
}
