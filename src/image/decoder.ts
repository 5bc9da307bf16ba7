/** The Decoder port: what turns pictures into pixels, in this process or in others. */
import type { ErrorCode } from '../errors.js';
import { decode } from './decode.js';
import { thumbnail } from './thumbnail.js';

export interface Decoder {
  /** @throws what `decode` does, DECODER_LOST, DECODER_TIMEOUT, DECODER_UNAVAILABLE */
  readonly decode: typeof decode;
  /** @throws what `thumbnail` does, DECODER_LOST, DECODER_TIMEOUT, DECODER_UNAVAILABLE */
  readonly thumbnail: typeof thumbnail;
}

/** For pictures that are trusted, and where a crash costs nobody else. */
export const inProcess: Decoder = { decode, thumbnail };

/** What a decoder says of bytes that it does not get pixels from. */
export const decodingErrors: readonly ErrorCode[] = [
  ...(['IMAGE_UNREADABLE', 'IMAGE_UNSUPPORTED', 'IMAGE_TOO_LARGE', 'IMAGE_EMPTY'] as const),
  ...(['DECODER_LOST', 'DECODER_TIMEOUT', 'DECODER_EXHAUSTED', 'DECODER_UNAVAILABLE'] as const),
];
