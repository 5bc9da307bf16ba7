import { distance } from 'fastest-levenshtein';

/** The known name that somebody may have meant: within a third of its letters, or one, whatever their case. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replaceAll(/[-_]/g, '');
  const ranked = known
    .map(candidate => ({ candidate, edits: distance(plain(name).slice(0, 100), plain(candidate)) }))
    .filter(({ candidate, edits }) => edits <= Math.max(1, candidate.length / 3))
    .sort((a, b) => a.edits - b.edits);
  return ranked[0]?.candidate;
}

/** `'colr' is unknown; did you mean 'colour'?` */
export function unknownName(name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  const shown = name.slice(0, 60).replace(/\p{Cc}/gu, '?');
  return `'${shown}' is unknown; ${meant === undefined ? `there are ${known.join(', ')}` : `did you mean '${meant}'?`}`;
}
