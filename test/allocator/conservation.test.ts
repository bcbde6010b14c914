import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AllocatorStrategy, REFUSED } from '../../src/allocator/strategy.ts';
import { GFP_ATOMIC, GFP_KERNEL, NO_PAGE } from '../../src/lpae/callbacks.ts';
import { K4, M2, map, Space, STRATEGIES, tables, unmap } from './fixture.ts';

const NAMES = [
  ...STRATEGIES,
  ...['panthor', 'msm'].flatMap((formula) => [
    `reserve,formula=${formula}`,
    `reserve-counted,formula=${formula}`,
    `shared-pool,formula=${formula}`,
  ]),
  'reserve-counted,max=8',
  'pool,min=5,max=7',
  'bulk,k=3',
  'mempool,min=3',
  ...STRATEGIES.filter((name) => name !== 'hypercall').flatMap((name) => [
    `hypercall,of=${name},fail=7`,
    `hypercall,of=${name},per=batch,fail=5`,
  ]),
];

/** One move of the play: a phase for some ticket, or a callback. */
interface Move {
  readonly what: 'submit' | 'bare' | 'tables' | 'run' | 'cleanup' | 'alloc' | 'free' | 'fail' | 'tick';
  readonly pick: number;
}

const moves = fc.array(
  fc.record({
    what: fc.constantFrom<Move['what']>(
      ...(['submit', 'submit', 'bare', 'tables', 'run', 'run', 'cleanup', 'fail', 'tick'] as const),
      ...(['alloc', 'alloc', 'alloc', 'alloc', 'free', 'free'] as const),
    ),
    pick: fc.nat(1000),
  }),
  { maxLength: 120 },
);

/** Plays any interleaving that the phases allow, with pages taken and given back as no engine would. */
class Play {
  readonly space: Space;
  readonly live: number[] = [];
  readonly #waiting: number[] = [];
  readonly #ran: number[] = [];
  #running = REFUSED;
  /** Tables freed since the running operation began. */
  readonly freed = new Set<number>();

  constructor(name: string, zero: boolean) {
    this.space = new Space(name, undefined, zero);
  }

  get allocator(): AllocatorStrategy {
    return this.space.allocator;
  }

  move({ what, pick }: Move): void {
    const { space, allocator, live } = this;
    const { announced } = allocator;
    if (what === 'tick') allocator.stats.tick();
    else if (what === 'fail') allocator.failPage(1 + (pick % 9));
    else if (what === 'tables') this.#submitted(space.submit(tables(pick % 12)));
    else if (what === 'bare' && announced) this.#submitted(space.submit());
    else if (what === 'submit' && announced) {
      this.#submitted(space.submit(pick % 2 === 0 ? map((pick % 7) * K4, M2) : unmap((pick % 7) * K4, M2)));
    } else if (what === 'run') this.#toggle();
    else if (what === 'cleanup' && this.#ran.length > 0) {
      allocator.cleanup(this.#ran.splice(pick % this.#ran.length, 1)[0]);
    } else if (what === 'alloc' && (!announced || this.#running !== REFUSED)) {
      const token = allocator.alloc(K4, K4, K4, pick % 2 === 0 ? GFP_KERNEL : GFP_ATOMIC, 1 + (pick % 3));
      if (token !== NO_PAGE) live.push(token);
    } else if (what === 'free' && live.length > 0) {
      const token = live.splice(pick % live.length, 1)[0];
      this.freed.add(token);
      allocator.free(token, K4, K4);
    }
  }

  finish(): void {
    if (this.#running !== REFUSED) this.#toggle();
    for (const ticket of [...this.#waiting, ...this.#ran]) this.allocator.cleanup(ticket);
    for (const token of this.live) this.allocator.free(token, K4, K4);
    this.space.destroy();
  }

  #submitted(ticket: number): void {
    if (ticket !== REFUSED) this.#waiting.push(ticket);
  }

  #toggle(): void {
    if (this.#running !== REFUSED) {
      this.allocator.end(this.#running);
      this.#ran.push(this.#running);
      this.#running = REFUSED;
      return;
    }
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.freed.clear();
    if (this.allocator.begin(next)) {
      this.#running = next;
      return;
    }
    this.allocator.end(next);
    this.#ran.push(next);
  }
}

describe('nothing is lost', () => {
  it.each(NAMES)('%s', (name) => {
    fc.assert(
      fc.property(moves, fc.boolean(), (list, zero) => {
        const play = new Play(name, zero);
        const { stats } = play.space;
        for (const move of list) {
          play.move(move);
          expect(stats.reserved).toBe(stats.used + stats.returned + stats.stolen + stats.unusedNow);
          expect(stats.returned).toBeGreaterThanOrEqual(0);
          if (!name.includes('shared-pool')) expect(stats.stolen).toBe(0);
          expect(stats.peaks.heldBytes).toBe((stats.pages - stats.pagesFreed) * K4);
          expect(stats.poolNow).toBeGreaterThanOrEqual(0);
          expect(stats.unusedNow).toBeGreaterThanOrEqual(0);
          expect(stats.peaks.heldBytes).toBeGreaterThanOrEqual((play.live.length + stats.poolNow) * K4);
          if (!name.startsWith('shared-pool') && !name.includes('of=shared-pool')) {
            // A reservation is pages, not a promise: tables, reservations, pool and the start table are all there is.
            expect(stats.peaks.heldBytes).toBe((play.live.length + stats.poolNow + stats.unusedNow + 1) * K4);
          }
        }
        play.finish();
        expect([stats.peaks.heldBytes, stats.unusedNow, stats.poolNow]).toEqual([0, 0, 0]);
        expect([stats.reserved, stats.pages]).toEqual([stats.used + stats.returned + stats.stolen, stats.pagesFreed]);
      }),
      { seed: 20240704, numRuns: 60 },
    );
  });

  it('and no page is in two places', () => {
    // Where nothing is ever used twice, pages are not told apart.
    for (const name of NAMES.filter((text) => text !== 'hypercall' && !text.includes('kernel'))) {
      fc.assert(
        fc.property(moves, (list) => {
          const play = new Play(name, true);
          for (const move of list) {
            play.move(move);
            expect(new Set(play.live).size).toBe(play.live.length);
          }
        }),
        { seed: 20240705, numRuns: 15 },
      );
    }
  });

  it.each(['reserve', 'reserve,formula=panthor'])('%s gives no operation a page that it freed itself', (name) => {
    fc.assert(
      fc.property(moves, (list) => {
        const play = new Play(name, true);
        for (const move of list) {
          const before = play.live.length;
          play.move(move);
          if (move.what === 'alloc' && play.live.length > before) {
            expect(play.freed.has(play.live[play.live.length - 1])).toBe(false);
          }
        }
      }),
      { seed: 20240706, numRuns: 100 },
    );
  });
});

describe('a page that cannot be had', () => {
  it.each(['reserve', 'reserve-counted', 'shared-pool', 'bulk-exact'])('%s fails whole at every page', (name) => {
    const demand = map(M2 - K4, 2 * K4);
    for (let nth = 1; nth <= 5; nth++) {
      const space = new Space(name);
      const { stats, table } = space;
      expect(space.allocator.failPage(nth)).toBe(true);
      const held = stats.peaks.heldBytes;
      expect(space.now(demand)).toBe(nth <= 4 ? -12 : 0);
      if (nth > 4) continue;
      expect([stats.peaks.heldBytes, stats.failedAtSubmit, stats.failedInRun]).toEqual([held, 1, 0]);
      expect([table.memory.liveOf(table.root), space.allocator.refused]).toEqual([0, true]);
      // The injection is spent.
      expect(space.now(demand)).toBe(0);
    }
  });

  it.each(['kernel', 'pool', 'bulk,k=5', 'mempool', 'hypercall'])('%s gets none of several', (name) => {
    for (let nth = 1; nth <= 5; nth++) {
      const space = new Space(name);
      space.allocator.failPage(nth);
      const held = space.stats.peaks.heldBytes;
      const ticket = space.submit(tables(5));
      // The emergency reserve has 16.
      expect(ticket === REFUSED).toBe(name !== 'mempool');
      expect(space.stats.peaks.heldBytes).toBe(held);
    }
  });
});
