/** Levenshtein distance: single letters to put in, take out or replace until one word is the other. */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      row.push(Math.min(row[j - 1] + 1, previous[j] + 1, previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    previous = row;
  }
  return previous[b.length];
}

/** Longer words are no slip of the pen, and the distance takes the product of two lengths. */
const LONGEST_GUESS = 60;

/**
 * The one of `words` that was probably meant: the only one that begins with what was written, else the nearest within two
 * letters and half its length; null when there is none. Capitals make no difference.
 */
export function nearest(written: string, words: readonly string[]): string | null {
  if (written === '' || written.length > LONGEST_GUESS) return null;
  const word = written.toLowerCase();
  const begun = words.filter((candidate) => candidate.toLowerCase().startsWith(word));
  if (begun.length === 1) return begun[0];
  const near = words
    .map((candidate) => ({ candidate, distance: editDistance(word, candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= 2 && 2 * distance <= candidate.length)
    .sort((a, b) => a.distance - b.distance);
  return near[0]?.candidate ?? null;
}
