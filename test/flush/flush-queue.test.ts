import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FlushQueue, QUEUE_SHAPES } from '../../src/flush/flush-queue.ts';

const NEVER = Number.NaN;
const MS = 1e6;

/** A flush queue that counts its flushes. */
function counted(shape: keyof typeof QUEUE_SHAPES): { queue: FlushQueue; flushes: () => number } {
  let flushes = 0;
  const queue = new FlushQueue(QUEUE_SHAPES[shape], () => {
    flushes++;
  });
  return { queue, flushes: () => flushes };
}

describe('the flush queue', () => {
  it.each([
    [1, 0],
    [255, 0],
    [256, 1],
    [510, 1],
    [511, 2],
    [1000, 3],
    [10000, 39],
  ])('%i unmaps of one CPU without a timer flush %i times', (unmaps, wanted) => {
    const { queue, flushes } = counted('percpu');
    for (let i = 0; i < unmaps; i++) queue.push(0, 1, NEVER);
    expect([flushes(), queue.fullFlushes, queue.timerFlushes]).toEqual([wanted, wanted, 0]);
    expect(flushes()).toBe(Math.floor((unmaps - 1) / 255));
    expect(queue.peak).toBe(Math.min(unmaps, 255));
  });

  it.each([
    [32_767, 0],
    [32_768, 1],
    [65_534, 1],
    [65_535, 2],
  ])('of one ring for all, %i unmaps flush %i times', (unmaps, wanted) => {
    const { queue, flushes } = counted('single');
    for (let i = 0; i < unmaps; i++) queue.push(i % 7, 1, NEVER);
    expect(flushes()).toBe(wanted);
  });

  it('fills the ring of each CPU by itself', () => {
    const { queue, flushes } = counted('percpu');
    for (let i = 0; i < 255 * 4; i++) queue.push(i % 4, 1, NEVER);
    expect([flushes(), queue.waiting, queue.peak]).toEqual([0, 1020, 1020]);
    // One full ring flushes for all, but the entries of the others go when their CPU unmaps again.
    queue.push(0, 1, NEVER);
    expect([flushes(), queue.waiting]).toEqual([1, 1020 - 255 + 1]);
    queue.push(1, 1, NEVER);
    expect([flushes(), queue.waiting]).toEqual([1, 1020 - 510 + 2]);
  });

  it.each([
    ['percpu', 10],
    ['single', 1000],
  ] as const)('%s: the timer goes off %i ms after the first entry', (shape, ms) => {
    const { queue, flushes } = counted(shape);
    queue.push(0, 3, 5 * MS);
    queue.push(1, 4, 6 * MS);
    expect([queue.waiting, queue.waitingPages, queue.deadline]).toEqual([2, 7, (5 + ms) * MS]);
    queue.tick((5 + ms) * MS - 1);
    expect(flushes()).toBe(0);
    queue.tick((5 + ms) * MS);
    expect([flushes(), queue.waiting, queue.timerFlushes]).toEqual([1, 0, 1]);
    queue.tick((500 + ms) * MS);
    expect(flushes()).toBe(1);
    queue.push(0, 1, 3000 * MS);
    queue.tick((3000 + ms) * MS);
    expect([flushes(), queue.peakPages]).toEqual([2, 7]);
  });

  it('is what a list of entries comes to', () => {
    const steps = fc.array(
      fc.record({
        cpu: fc.nat(2),
        pages: fc.integer({ min: 1, max: 9 }),
        tables: fc.nat(3),
        after: fc.nat(9),
        tick: fc.boolean(),
      }),
      { minLength: 1, maxLength: 200, size: 'max' },
    );
    fc.assert(
      fc.property(steps, fc.boolean(), (list, perCpu) => {
        const shape = { entries: 5, timeout: 12, perCpu };
        const log: string[] = [];
        const queue = new FlushQueue(shape, () => log.push('flush'));
        const naive = new NaiveQueue(shape.entries, shape.timeout, perCpu);
        let now = 0;
        for (const { cpu, pages, tables, after, tick } of list) {
          now += after;
          queue.tick(now);
          naive.tick(now);
          if (!tick) {
            queue.push(cpu, pages, now, tables);
            naive.push(cpu, pages, now, tables);
          }
          expect([log.length, queue.waiting, queue.waitingPages, queue.waitingTables]).toEqual([
            naive.flushes,
            ...naive.waiting,
          ]);
        }
        expect([queue.peak, queue.peakPages, queue.peakTables]).toEqual([
          naive.peak,
          naive.peakPages,
          naive.peakTables,
        ]);
      }),
      { seed: 2, numRuns: 300 },
    );
  });
});

/** Entries in lists, as the rules say it. */
class NaiveQueue {
  flushes = 0;
  peak = 0;
  peakPages = 0;
  peakTables = 0;
  #rings: { counter: number; pages: number; tables: number }[][] = [];
  #armed: number | null = null;
  readonly #entries: number;
  readonly #timeout: number;
  readonly #perCpu: boolean;

  constructor(entries: number, timeout: number, perCpu: boolean) {
    this.#entries = entries;
    this.#timeout = timeout;
    this.#perCpu = perCpu;
  }

  get waiting(): [number, number, number] {
    const all = this.#rings.flat();
    const sum = (of: 'pages' | 'tables'): number => all.reduce((total, entry) => total + entry[of], 0);
    return [all.length, sum('pages'), sum('tables')];
  }

  push(cpu: number, pages: number, now: number, tables: number): void {
    const at = this.#perCpu ? cpu : 0;
    const kept = (): { counter: number; pages: number; tables: number }[] =>
      (this.#rings[at] ?? []).filter(({ counter }) => counter >= this.flushes);
    this.#rings[at] = kept();
    if (this.#rings[at].length === this.#entries - 1) {
      this.flushes++;
      this.#rings[at] = kept();
    }
    this.#rings[at].push({ counter: this.flushes, pages, tables });
    const [entries, all, tablesOfAll] = this.waiting;
    this.peak = Math.max(this.peak, entries);
    this.peakPages = Math.max(this.peakPages, all);
    this.peakTables = Math.max(this.peakTables, tablesOfAll);
    this.#armed ??= now + this.#timeout;
  }

  tick(now: number): void {
    if (this.#armed === null || now < this.#armed) return;
    this.#armed = null;
    this.flushes++;
    this.#rings = this.#rings.map(() => []);
  }
}
