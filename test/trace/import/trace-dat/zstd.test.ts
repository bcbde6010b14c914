import { describe, expect, test } from 'vitest';
import { decompressBlock } from '../../../../src/trace/import/trace-dat/ring/decompress-block.ts';
import { storedZstd } from './build.ts';

/** A frame of 512 bytes whose only block has these literals, and bytes behind them. */
function frameWith(literals: readonly number[]): Buffer {
  const body = [...literals, ...Array<number>(20).fill(1)];
  const frame = Buffer.alloc(12);
  frame.writeUInt32LE(0xfd2fb528);
  frame[4] = 0xa0;
  frame.writeUInt32LE(512, 5);
  frame.writeUIntLE((body.length << 3) | (2 << 1) | 1, 9, 3);
  return Buffer.concat([frame, Buffer.from(body)]);
}

describe('zstd blocks', () => {
  const data = Buffer.from(Array.from({ length: 70_000 }, (_, i) => i & 0xff));

  test('give what they hold', () => {
    expect(decompressBlock(storedZstd(data), data.length, 'zstd')).toEqual(data);
  });

  test('a table of literals with a single symbol is damage: reading it takes up nothing and would never end', () => {
    // Literals with a tree of 10 bytes: accuracy 5, then the largest number there is.
    const tree = [0x42, 0, 5, 10, 0xf0, 0x03, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    expect(() => decompressBlock(frameWith(tree), 512, 'zstd')).toThrow('a block of literals without end');
    // A symbol without states before it changes nothing: its value 1 takes 5 bits, then 2 bits for no repetition.
    const second = [0x42, 0, 5, 10, 0x10, 0xf8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    expect(() => decompressBlock(frameWith(second), 512, 'zstd')).toThrow('a block of literals without end');
  });

  test('frames that do not hold what is announced', () => {
    const whole = storedZstd(data);
    for (const size of [0, 69_999, 70_001]) expect(() => decompressBlock(whole, size, 'zstd')).toThrow();
    for (let length = 0; length < whole.length; length += 999) {
      expect(() => decompressBlock(whole.subarray(0, length), data.length, 'zstd')).toThrow('its zstd data is damaged');
    }
    expect(() => decompressBlock(Buffer.concat([whole, whole]), data.length, 'zstd')).toThrow();
  });

  test('headers that ask for too much memory, dictionaries, unknown blocks', () => {
    const small = storedZstd(data.subarray(0, 10));
    const changed = (at: number, byte: number): Buffer => {
      const copy = Buffer.from(small);
      copy[at] = byte;
      return copy;
    };
    // A window of 2 TiB, a dictionary, a reserved bit, a block of a kind that does not exist.
    for (const frame of [
      Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0xff, 1, 0, 0]),
      changed(4, 0xa1),
      changed(4, 0xa8),
      changed(9, 0x57),
    ]) {
      expect(() => decompressBlock(frame, 10, 'zstd')).toThrow('its zstd data is damaged');
    }
    expect(() => decompressBlock(small, 2 ** 31, 'zstd')).toThrow('it announces 2147483648 bytes');
    expect(decompressBlock(small, 10, 'zstd')).toEqual(data.subarray(0, 10));
  });
});
