/**
 * Divides `total` places among those who want some: whoever wants less than an even share gets all of it, and the others share
 * what is left evenly; of what cannot be divided the first get one more.
 */
export function fairShares(wanted: readonly number[], total: number): number[] {
  const shares = new Array<number>(wanted.length).fill(0);
  // The modest first: what they leave is for the others.
  const order = wanted.map((_, at) => at).sort((a, b) => wanted[a] - wanted[b] || b - a);
  let left = total;
  for (const [done, at] of order.entries()) {
    shares[at] = Math.min(wanted[at], Math.floor(left / (order.length - done)));
    left -= shares[at];
  }
  return shares;
}
