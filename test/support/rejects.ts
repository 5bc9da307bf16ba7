import assert from 'node:assert/strict';
import { type ErrorCode, MatvitError } from '../../src/errors.js';

const has = (code: ErrorCode) => (error: unknown) => {
  assert.ok(error instanceof MatvitError, `not a MatvitError: ${String(error)}`);
  assert.equal(error.code, code, error.message);
  return true;
};

export const throwsCode = (code: ErrorCode, call: () => unknown): void => assert.throws(call, has(code));

export const rejectsCode = (code: ErrorCode, promise: Promise<unknown>): Promise<void> =>
  assert.rejects(promise, has(code));
