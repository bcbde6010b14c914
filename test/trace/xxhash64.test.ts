import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { XxHash64 } from '../../src/trace/xxhash64.ts';

const MASK = (1n << 64n) - 1n;
const P = [
  11400714785074694791n,
  14029467366897019727n,
  1609587929392839161n,
  9650029242287828579n,
  2870177450012600261n,
];
const rotate = (x: bigint, by: number): bigint => ((x << BigInt(by)) | (x >> BigInt(64 - by))) & MASK;
const round = (acc: bigint, input: bigint): bigint => (rotate((acc + input * P[1]) & MASK, 31) * P[0]) & MASK;

/** The specification, word by word, in bigint. */
function slowHash(b: Buffer): bigint {
  let hash = P[4];
  let at = 0;
  if (b.length >= 32) {
    const acc = [(P[0] + P[1]) & MASK, P[1], 0n, -P[0] & MASK];
    for (; at + 32 <= b.length; at += 32)
      for (const i of acc.keys()) acc[i] = round(acc[i], b.readBigUInt64LE(at + i * 8));
    hash = (rotate(acc[0], 1) + rotate(acc[1], 7) + rotate(acc[2], 12) + rotate(acc[3], 18)) & MASK;
    for (const value of acc) hash = ((hash ^ round(0n, value)) * P[0] + P[3]) & MASK;
  }
  hash = (hash + BigInt(b.length)) & MASK;
  for (; at + 8 <= b.length; at += 8) hash = (rotate(hash ^ round(0n, b.readBigUInt64LE(at)), 27) * P[0] + P[3]) & MASK;
  if (at + 4 <= b.length) {
    hash = (rotate(hash ^ ((BigInt(b.readUInt32LE(at)) * P[0]) & MASK), 23) * P[1] + P[2]) & MASK;
    at += 4;
  }
  for (; at < b.length; at++) hash = (rotate(hash ^ ((BigInt(b[at]) * P[4]) & MASK), 11) * P[0]) & MASK;
  hash = ((hash ^ (hash >> 33n)) * P[1]) & MASK;
  hash = ((hash ^ (hash >> 29n)) * P[2]) & MASK;
  return hash ^ (hash >> 32n);
}

describe('XxHash64', () => {
  it.each([
    ['', 0x51d8e999],
    ['abc', 0xad770999],
  ])('of %j', (text, low) => {
    const hash = new XxHash64();
    hash.update(Buffer.from(text));
    expect(hash.low32()).toBe(low);
    expect(Number(slowHash(Buffer.from(text)) & 0xffffffffn)).toBe(low);
  });

  it('gives what the specification gives, in any pieces', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 70 }), { maxLength: 6 }), (pieces) => {
        const hash = new XxHash64();
        for (const piece of pieces) hash.update(piece);
        expect(BigInt(hash.low32())).toBe(slowHash(Buffer.concat(pieces)) & 0xffffffffn);
      }),
      { numRuns: 500 },
    );
  });
});
