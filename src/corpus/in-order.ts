/**
 * Maps with up to `width` calls in flight; results come in the order of the items. At the first rejection, or when the
 * caller stops, no more calls start and the results of those in flight are dropped.
 */
export async function* inOrder<T, R>(
  items: Iterable<T>,
  width: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R, undefined> {
  const inFlight: Promise<R>[] = [];
  for (const item of items) {
    const result = work(item);
    result.catch(() => {}); // it is awaited only if all before it succeed
    inFlight.push(result);
    if (inFlight.length >= width) yield await inFlight.shift()!;
  }
  for (let result; (result = inFlight.shift());) yield await result;
}
