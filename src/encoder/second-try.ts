import { MatvitError } from '../errors.js';

/**
 * A worker can die of anything but the picture that it had: that has one more try.
 * @param encode hands its pixels over, so it needs others each time
 */
export async function withSecondTry<T>(encode: () => Promise<T>): Promise<T> {
  try {
    return await encode();
  } catch (error) {
    if (!(error instanceof MatvitError) || error.code !== 'WORKER_LOST') throw error;
    return encode();
  }
}
