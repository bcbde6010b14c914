/*
 * fzstd runs forever on a table of literals with a single symbol, which takes up no bits (RFC 8878, section 3.1.1.3.1): such
 * blocks are damaged, and must not reach it.
 */

const LITERALS_WITH_TREE = 2;

/** Throws Error unless the literals of the compressed block in `packed[start..end)` can be decompressed. */
export function checkLiterals(packed: Buffer, start: number, end: number): void {
  if (end - start < 2) throw new Error('a block of literals without end');
  const type = packed[start] & 3;
  if (type !== LITERALS_WITH_TREE) return;
  const sizeFormat = (packed[start] >> 2) & 3;
  const tree = start + (sizeFormat < 2 ? 3 : 2 + sizeFormat);
  if (tree + 2 > end) throw new Error('a block of literals without end');
  // From 128 on the weights follow as they are.
  if (packed[tree] < 128 && isSingleSymbol(packed, tree + 1, end)) throw new Error('a block of literals without end');
}

/** Whether a table of finite state entropy gives all its states to one symbol, so that reading it takes up no bits. */
function isSingleSymbol(packed: Buffer, at: number, end: number): boolean {
  const bits = (from: number, count: number): number => {
    let value = 0;
    for (let i = 0; i < count; i++) {
      const byte = at + ((from + i) >> 3);
      if (byte < end) value |= ((packed[byte] >> ((from + i) & 7)) & 1) << i;
    }
    return value;
  };
  const accuracy = bits(0, 4) + 5;
  const states = 1 << accuracy;
  const allOnes = 2 * states - 1;
  let from = 4;
  for (let symbol = 0; symbol < 256; ) {
    const value = bits(from, accuracy + 1);
    const small = value & (states - 1);
    // While all states are left, values whose lower bits are below states - 2 take a bit less.
    const isSmall = small < states - 2;
    // A symbol without any states is 1, one with all of them is all ones.
    if (!isSmall || small !== 1) return !isSmall && value === allOnes;
    from += accuracy;
    symbol++;
    for (let repeat = 3; repeat === 3 && symbol < 256; ) {
      repeat = bits(from, 2);
      from += 2;
      symbol += repeat;
    }
  }
  return false;
}
