/** A process of the decoder pool: decodes one picture at a time and ends with its parent. */
import { MatvitError, reasonOf } from '../errors.js';
import { decode } from './decode.js';
import type { PictureSource } from './open.js';
import { thumbnail } from './thumbnail.js';

export type DecoderCall =
  | { readonly decode: [source: PictureSource, resolution: number, options: Parameters<typeof decode>[2]] }
  | { readonly thumbnail: Parameters<typeof thumbnail> };

export type DecoderReply =
  | { readonly data: Uint8Array; readonly memory: number }
  | { readonly error: Pick<MatvitError, 'code' | 'detail'>; readonly memory: number };

const run = (call: DecoderCall): Promise<Uint8Array> =>
  'decode' in call ? decode(...call.decode) : thumbnail(...call.thumbnail);

async function answer(call: DecoderCall): Promise<void> {
  let reply: Omit<DecoderReply, 'memory'>;
  try {
    reply = { data: await run(call) };
  } catch (error) {
    const { code, detail } = error instanceof MatvitError ? error : { code: 'INTERNAL', detail: reasonOf(error) };
    reply = { error: { code, detail } };
  }
  process.send!({ ...reply, memory: process.memoryUsage.rss() });
}

process.on('message', (call: DecoderCall) => void answer(call));
// The parent may be gone while libvips is busy, and an orderly exit would wait for it.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
// Signals to the whole group are the parent's to answer: it drains first.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
