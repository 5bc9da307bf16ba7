/** What was asked for last: an answer to anything before it is no longer wanted. */
let last = 0;

/** Somebody asks for something. @returns {() => boolean} Is it still what was asked for last? */
export function wish() {
  const own = ++last;
  return () => own === last;
}
