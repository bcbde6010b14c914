import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHUNK_SIZE, Chunk } from '../../../../src/trace/import/perf-data/record-reader.ts';
import { TimeQueue } from '../../../../src/trace/import/perf-data/time-queue.ts';

const BYTES = Buffer.alloc(CHUNK_SIZE);

function drain(queue: TimeQueue): number[] {
  const places: number[] = [];
  while (queue.shift()) places.push((queue.chunk?.base ?? Number.NaN) + queue.at);
  return places;
}

describe('the queue', () => {
  it('sorts times of 64 bits, equal ones as they came', () => {
    const half = fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff);
    fc.assert(
      fc.property(fc.array(fc.tuple(half, half), { maxLength: 60 }), (times) => {
        const queue = new TimeQueue();
        const chunk = new Chunk(BYTES, 0);
        for (const [i, [hi, lo]] of times.entries()) queue.push(hi, lo, chunk, i);
        queue.endAll();
        const expected = times
          .map(([hi, lo], place) => ({ time: (BigInt(hi) << 32n) | BigInt(lo), place }))
          .sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : a.place - b.place));
        expect(drain(queue)).toEqual(expected.map(({ place }) => place));
        expect(chunk.waiting).toBe(0);
      }),
      { numRuns: 500, seed: 5 },
    );
  });

  it('sorts times that only go down', () => {
    const queue = new TimeQueue();
    const chunk = new Chunk(BYTES, 0);
    for (let i = 0; i < 100_000; i++) queue.push(0, 200_000 - i, chunk, i);
    queue.endAll();
    expect(drain(queue)).toEqual(Array.from({ length: 100_000 }, (_, i) => 99_999 - i));
  });

  it('lets go of a file of any size, round by round', () => {
    const queue = new TimeQueue();
    let given = 0;
    for (let piece = 0; piece < 20_000; piece++) {
      const chunk = new Chunk(BYTES, piece);
      for (let i = 0; i < 3; i++) queue.push(0, 1 + piece * 3 + i, chunk, i);
      if (piece % 100 === 99) {
        queue.endRound();
        given += drain(queue).length;
      }
      expect(queue.isFull).toBe(false);
    }
    expect(given).toBe(3 * (20_000 - 100));
  });

  it('says when it holds too much', () => {
    const chunks = new TimeQueue();
    let pieces = 0;
    while (!chunks.isFull) chunks.push(0, pieces++, new Chunk(BYTES, 0), 0);
    expect(pieces * CHUNK_SIZE).toBe(1 << 29);
    const records = new TimeQueue();
    const chunk = new Chunk(BYTES, 0);
    let count = 0;
    while (!records.isFull) records.push(0, count++, chunk, 0);
    expect(count).toBe(1 << 22);
  });
});
