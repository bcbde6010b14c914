import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type SharedPage, TablePages } from '../../../../src/gpuvm/drivers/nouveau/pages.ts';
import { OwnPages, TableBooks } from '../../../../src/gpuvm/drivers/own-tables.ts';
import * as N from '../../../../src/gpuvm/gpu-counters.ts';
import * as C from '../../../../src/lpae/counters.ts';
import { expectSame } from '../../../same.ts';

/** A page that is cut in 16, by hand: who has a part of it. */
interface Cut {
  readonly users: Set<SharedPage | number>;
}

describe("nouveau's pages for tables", () => {
  it('are kept, shared and given back as a list of eight and first-fit cuts say', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            kind: fc.constantFrom('take', 'put', 'cut', 'cut', 'cut', 'cut', 'join', 'join'),
            which: fc.nat(1000),
          }),
          // Long enough that pages are cut up and room comes back.
          { minLength: 100, maxLength: 300 },
        ),
        (turns) => {
          const counters = new Float64Array(N.GPU_COUNTERS);
          const shape = { pgsizes: 4096, ias: 47, entrySpans: [], countsCalls: true };
          let held = 0;
          const stats = { hold: (bytes: number) => (held += bytes) };
          const books = new TableBooks(new OwnPages(counters, stats), shape, () => {});
          let most = 0;
          let got = 0;
          const pages = new TablePages(books);
          let whole = 0;
          let idle = 0;
          let occupied = 0;
          const shares: { readonly page: SharedPage; readonly cut: Cut; readonly id: number }[] = [];
          /** Cut pages with room, the one that is used first in front. */
          let open: Cut[] = [];
          let id = 0;
          const takePage = (): void => {
            if (idle > 0) idle--;
            else {
              occupied++;
              got++;
              most = Math.max(most, occupied);
            }
          };
          const putPage = (): void => {
            if (idle < 8) idle++;
            else occupied--;
          };
          for (const { kind, which } of turns) {
            if (kind === 'take') {
              expect(pages.take(3)).toBe(true);
              whole++;
              takePage();
            } else if (kind === 'put' && whole > 0) {
              pages.put(3);
              whole--;
              putPage();
            } else if (kind === 'cut') {
              const page = pages.takeShare(3) as SharedPage;
              if (open.length === 0) {
                takePage();
                open = [{ users: new Set() }];
              }
              const [cut] = open;
              cut.users.add(id);
              if (cut.users.size === 16) open = open.slice(1);
              // Whoever has a part of the same page here has one there.
              for (const share of shares) expectSame(share.page === page, share.cut === cut);
              shares.push({ page, cut, id: id++ });
            } else if (kind === 'join' && shares.length > 0) {
              const [share] = shares.splice(which % shares.length, 1);
              pages.putShare(3, share.page);
              const { cut } = share;
              if (cut.users.size === 16) open = [cut, ...open];
              cut.users.delete(share.id);
              if (cut.users.size === 0) {
                open = open.filter((other) => other !== cut);
                putPage();
              }
            }
            expectSame(pages.idle, idle);
            expectSame(books.counters[C.BYTES_OCCUPIED], occupied * 4096);
            expectSame(held, occupied * 4096);
            expectSame(books.counters[C.BYTES_LOGICAL], whole * 4096 + shares.length * 256);
          }
          expect([counters[N.OWN_PAGES], counters[N.OWN_PAGES_FREED]]).toEqual([got, got - occupied]);
          expect(counters[N.OWN_HELD_PEAK]).toBe(most * 4096);
          expect(books.live(3)).toBe(whole + shares.length);
          pages.drop();
          expect(books.counters[C.BYTES_OCCUPIED]).toBe((occupied - idle) * 4096);
        },
      ),
      { seed: 1404, numRuns: 60 },
    );
  });
});
