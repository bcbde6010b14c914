const EACH = 0x01010101;

/**
 * The number that four hex digits stand for, the first in the highest byte; -1 when one of them is none. All four at once:
 * a letter has bit 6, and its low half counts from 1.
 */
export function hexQuad(digits: number): number {
  const letters = (digits >>> 6) & EACH;
  const halves = digits & (0x0f * EACH);
  const values = halves + letters * 9;
  // 10 to 15 carry into bit 4 when 6 is added: letters must, digits must not.
  const carried = ((values + 0x06 * EACH) >>> 4) & EACH;
  const high = (digits ^ halves) - letters * 0x30;
  if (high !== 0x30 * EACH || carried !== letters || (values & (0x10 * EACH)) !== 0) return -1;
  const pairs = (values | (values >>> 4)) & 0x00ff00ff;
  return ((pairs >>> 8) | pairs) & 0xffff;
}
