/** When the last byte of a request came: the moment from which its budget runs. */
import type { IncomingMessage } from 'node:http';

/** When Node had read a request's head, by performance.now(), and how many bytes had come on its connection by then. */
const heads = new WeakMap<IncomingMessage, { readonly at: number; readonly bytes: number }>();

/** To be called before anything else is done with a request. */
export function headArrived(request: IncomingMessage): void {
  heads.set(request, { at: performance.now(), bytes: request.socket.bytesRead });
}

/**
 * To be called when its body has been read: with the head if all of it had come by then, as a small picture's has, though
 * it is handed out, and a form taken apart, later; else now.
 */
export function arrivalOf(request: IncomingMessage): number {
  const head = heads.get(request);
  return head?.bytes === request.socket.bytesRead ? head.at : performance.now();
}
