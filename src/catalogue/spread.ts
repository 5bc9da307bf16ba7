/** At most `count` whole numbers from `low` to `high`, evenly spread: where to look for the ids of a sample. */
export function spread(low: number, high: number, count: number): number[] {
  const span = high - low + 1;
  const length = Math.min(count, span);
  return Array.from({ length }, (_, i) => low + Math.floor((i * span) / length));
}
