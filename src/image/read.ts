import { constants, open } from 'node:fs/promises';
import { MatvitError, reasonOf } from '../errors.js';
import { defaultLimits, type ImageLimits } from './limits.js';
import { pictureError } from './picture-error.js';

/**
 * The bytes of a regular file of at most `limits.maxBytes`.
 * @throws FILE_UNREADABLE, IMAGE_TOO_LARGE
 */
export async function readPicture(
  path: string,
  { limits = defaultLimits, name = path }: { limits?: ImageLimits; name?: string } = {},
): Promise<Uint8Array> {
  try {
    // Opening a pipe without O_NONBLOCK waits for a writer, perhaps for ever.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      // Everything is asked of the open file: what a path leads to can change between two questions.
      const stat = await file.stat();
      if (!stat.isFile())
        throw pictureError('FILE_UNREADABLE', name, stat.isDirectory() ? 'it is a folder' : 'it is not a regular file');
      checkBytes(stat.size, limits, name);
      const bytes = Buffer.allocUnsafeSlow(stat.size);
      let length = 0;
      for (let read = -1; read !== 0 && length < bytes.length; length += read)
        read = (await file.read(bytes, length)).bytesRead;
      return bytes.subarray(0, length);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof MatvitError) throw error;
    throw pictureError('FILE_UNREADABLE', name, reasonOf(error), error);
  }
}

/** IMAGE_TOO_LARGE if it is, by its bytes. */
export function tooLarge(
  size: number,
  { maxBytes }: Pick<ImageLimits, 'maxBytes'>,
  name: string,
): MatvitError | undefined {
  return size > maxBytes ? pictureError('IMAGE_TOO_LARGE', name, `more than ${maxBytes / 2 ** 20} MiB`) : undefined;
}

/** @throws IMAGE_TOO_LARGE */
export function checkBytes(size: number, limits: Pick<ImageLimits, 'maxBytes'>, name: string): void {
  const error = tooLarge(size, limits, name);
  if (error) throw error;
}
