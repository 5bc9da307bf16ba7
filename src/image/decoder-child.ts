/** A process of the decoder pool: decodes one picture at a time and ends with its parent. */
import { MatvitError, reasonOf } from '../errors.js';
import { lowerPriority } from '../lower-priority.js';
import { type DecodeOptions, decode } from './decode.js';
import { type Passed, inChild as scratch, pass, take } from './scratch.js';
import { type ThumbnailOptions, thumbnail } from './thumbnail.js';

export type DecoderTask =
  { readonly resolution: number; readonly decode: DecodeOptions } | { readonly thumbnail: ThumbnailOptions };

export interface DecoderCall {
  /** a path or bytes */
  readonly source: string | Passed;
  readonly task: DecoderTask;
}

export type DecoderReply = { readonly data: Passed } | { readonly error: Pick<MatvitError, 'code' | 'detail'> };

async function run({ source: passed, task }: DecoderCall): Promise<DecoderReply> {
  try {
    const source = typeof passed === 'string' ? passed : take(scratch, passed);
    const data = await ('decode' in task
      ? decode(source, task.resolution, task.decode)
      : thumbnail(source, task.thumbnail));
    return { data: pass(scratch, data) };
  } catch (error) {
    const { code, detail } = error instanceof MatvitError ? error : new MatvitError('INTERNAL', reasonOf(error));
    return { error: { code, detail } };
  }
}

lowerPriority(5); // before the encoder, behind the event loop
process.on('message', (call: DecoderCall) => void run(call).then(reply => process.send!(reply)));
// The parent may be gone while libvips is busy, and an orderly exit would wait for it.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
// Signals to the whole group are the parent's to answer: it drains first.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.send!('ready');
