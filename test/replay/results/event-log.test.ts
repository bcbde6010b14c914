import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TextBytes } from '../../../src/base/text-bytes.ts';
import { EventLog } from '../../../src/replay/results/event-log.ts';

const TWO_64 = 2n ** 64n;
const half = fc.oneof(fc.constantFrom(0, 1, 0xf, 0x10, 0x7fffffff, 0x80000000, 0xffffffff), fc.nat(0xffffffff));
const size = fc.constantFrom(1, 4096, 65_536, 2 ** 21, 2 ** 30, 2 ** 39);

/** What a log holds, as JSON values with addresses from bigint arithmetic. */
type Listed = (string | number)[];
type Step = readonly [note: (log: EventLog) => void, listed: readonly Listed[]];

function hex(hi: number, lo: number, beyond = 0n): string {
  return `0x${(((BigInt(hi) << 32n) + BigInt(lo) + beyond) % TWO_64).toString(16)}`;
}

const runOf = (hi: number, lo: number, step: number, count: number, of: (at: string) => Listed): Listed[] =>
  Array.from({ length: count }, (_, i) => of(hex(hi, lo, BigInt(step) * BigInt(i))));

const step: fc.Arbitrary<Step> = fc.oneof(
  fc
    .tuple(half, half, size, size)
    .map(
      ([hi, lo, bytes, granule]): Step => [
        (log) => log.flushWalk(hi, lo, bytes, granule),
        [['FLUSH_WALK', hex(hi, lo), bytes, granule]],
      ],
    ),
  fc
    .tuple(half, half, size, fc.nat(40))
    .map(
      ([hi, lo, bytes, count]): Step => [
        (log) => log.addPages(hi, lo, bytes, count + 1),
        runOf(hi, lo, bytes, count + 1, (at) => ['ADD_PAGE', at, bytes]),
      ],
    ),
  fc
    .tuple(half, half, size, fc.nat(40), fc.nat(1))
    .map(
      ([hi, lo, bytes, count, leaf]): Step => [
        (log) => log.tlbiEach(hi, lo, leaf, bytes, count + 1),
        runOf(hi, lo, bytes, count + 1, (at) => ['TLBI_VA', at, leaf, 0, 0, 0]),
      ],
    ),
  fc
    .tuple(half, half, half, half, size)
    .map(
      ([hi, lo, endHi, endLo, bytes]): Step => [
        (log) => log.iotlbSync(hi, lo, endHi, endLo, bytes),
        [['IOTLB_SYNC', hex(hi, lo), hex(endHi, endLo), bytes]],
      ],
    ),
  fc
    .tuple(half, half, fc.nat(31), fc.nat(31))
    .map(
      ([hi, lo, num, scale]): Step => [
        (log) => log.tlbiAddress(hi, lo, 1, num, scale, 3),
        [['TLBI_VA', hex(hi, lo), 1, num, scale, 3]],
      ],
    ),
  fc
    .tuple(half, half, fc.constantFrom(0, 4096))
    .map(
      ([hi, lo, bytes]): Step => [
        (log) => log.addressed('LOCK', hi, lo, bytes),
        [bytes === 0 ? ['LOCK', hex(hi, lo)] : ['LOCK', hex(hi, lo), bytes]],
      ],
    ),
  fc.constantFrom<Step[]>(
    [(log) => log.flushAll(), [['FLUSH_ALL']]],
    [(log) => log.tlbiAll(), [['TLBI_ASID']]],
    [(log) => log.commandSync(), [['CMD_SYNC']]],
    [(log) => log.command('UNLOCK'), [['UNLOCK']]],
  ),
);

const PIECE = 16 * 1024;

function written(log: EventLog): { text: string; longest: number } {
  let text = '';
  let longest = 0;
  const bytes = new TextBytes((piece) => {
    text += piece.toString();
    longest = Math.max(longest, piece.length);
  }, PIECE);
  log.write(bytes);
  bytes.drain();
  return { text, longest };
}

describe('the log of one event', () => {
  it('lists what was noted, in its order and as JSON', () => {
    const log = new EventLog();
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        log.clear();
        for (const [note] of steps) note(log);
        expect(log.empty).toBe(steps.length === 0);
        const { text } = written(log);
        expect(text).toBe(JSON.stringify(steps.flatMap(([, listed]) => listed)).slice(1, -1));
      }),
      { numRuns: 300, seed: 21 },
    );
  });

  it('is written in pieces where a run is longer than a string should be', () => {
    const log = new EventLog();
    // Across 2^32 and with one digit more every now and then.
    log.addPages(0, 0xf000, 4096, 1_100_000);
    log.commandSync();
    const { text, longest } = written(log);
    expect(longest).toBeLessThanOrEqual(PIECE);
    const listed = JSON.parse(`[${text}]`) as Listed[];
    expect(listed.length).toBe(1_100_001);
    for (let i = 0; i < 1_100_000; i += 997) {
      expect(listed[i]).toEqual(['ADD_PAGE', `0x${(0xf000 + 4096 * i).toString(16)}`, 4096]);
    }
    expect(listed.at(-1)).toEqual(['CMD_SYNC']);
  });
});
