import { type ErrorCode, MatvitError, reasonOf } from '../errors.js';

/** A picture that could not be indexed, and why. */
export interface Failure {
  /** relative to the corpus root, with slashes */
  readonly path: string;
  readonly code: ErrorCode;
  readonly reason: string;
}

/**
 * @param file the absolute path that the error's detail may begin with
 * @param otherwise the code of errors that are not ours
 */
export function failureOf(path: string, file: string, error: unknown, otherwise: ErrorCode): Failure {
  if (!(error instanceof MatvitError)) return { path, code: otherwise, reason: reasonOf(error) };
  const { code, detail } = error;
  return { path, code, reason: detail.startsWith(`${file}: `) ? detail.slice(file.length + 2) : detail };
}
