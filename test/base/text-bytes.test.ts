import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TextBytes } from '../../src/base/text-bytes.ts';
import { hex64 } from '../../src/base/u64.ts';

const SIZE = 256;
const half = fc.oneof(fc.constantFrom(0, 1, 15, 16, 2 ** 31, 2 ** 32 - 1), fc.nat(2 ** 32 - 1));
const number = fc.oneof(
  fc.constantFrom(0, 9, 10, 999_999_999, 1_000_000_000, 2 ** 31, 2 ** 32, 2 ** 53 - 1, -1, -12, 0.5),
  fc.nat(),
);

/** What is written and the text that it stands for; each takes at most 100 bytes, but for texts of any length. */
const step = fc.oneof(
  number.map((value) => [(to: TextBytes) => to.number(value), String(value)] as const),
  fc.tuple(half, half).map(([hi, lo]) => [(to: TextBytes) => to.hex(hi, lo), hex64(hi, lo)] as const),
  fc.string({ maxLength: 60 }).map((text) => [(to: TextBytes) => to.mostlyAscii(text), text] as const),
  fc
    .string({ unit: 'grapheme', maxLength: 20 })
    .map((text) => [(to: TextBytes) => to.mostlyAscii(text), text] as const),
  fc.string({ maxLength: 400 }).map((text) => [(to: TextBytes) => to.text(text), text] as const),
);

describe('text as bytes', () => {
  it('is the same as strings one behind the other', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const pieces: Buffer[] = [];
        const bytes = new TextBytes((piece) => void pieces.push(Buffer.from(piece)), SIZE);
        for (const [write] of steps) {
          bytes.room(100);
          write(bytes);
        }
        bytes.drain();
        expect(Buffer.concat(pieces).toString()).toBe(steps.map(([, text]) => text).join(''));
      }),
      { numRuns: 500, seed: 20261121 },
    );
  });

  it('says when it has handed over what was there', () => {
    const given: string[] = [];
    const bytes = new TextBytes((piece) => void given.push(piece.toString()), 16);
    bytes.ascii('0123456789');
    expect(bytes.room(6)).toBe(false);
    expect(bytes.room(7)).toBe(true);
    expect([given, bytes.length]).toEqual([['0123456789'], 0]);
  });
});
