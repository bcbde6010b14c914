/** Binds that nobody would write: whatever comes, drivers answer, and every number is one. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ALLOCATORS } from '../../../src/allocator/registry.ts';
import { chooseModel } from '../../../src/base/model.ts';
import { GPU_DRIVERS } from '../../../src/base/vocabulary.ts';
import * as C from '../../../src/lpae/counters.ts';
import { countersOf } from '../../../src/stats/metrics/metrics.ts';
import { replayEach } from '../../replay/run.ts';

const K4 = 4096;
const M2 = 2 ** 21;
const BASES = ['0x0', '0x100000000', '0x13fffe000', '0x4000000000', '0xfffffffff000', '0xffffffffffffe000'];

const iova = fc
  .record({ base: fc.constantFrom(...BASES), pages: fc.nat(1500), askew: fc.boolean(), odd: fc.nat(19) })
  .map(({ base, pages, askew, odd }) => {
    const at = BigInt(base) + BigInt(askew ? pages * K4 : (pages % 4) * M2) + (odd === 0 ? 1n : 0n);
    return `0x${BigInt.asUintN(64, at).toString(16)}`;
  });
const size = fc.oneof(
  fc.constantFrom(0, K4, 65536, M2, 3 * 2 ** 20, 100),
  fc.nat(1500).map((pages) => pages * K4),
);
const operation = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('map'),
      iova,
      size,
      bo: fc.constantFrom('a', 'b'),
      offset: fc.constantFrom(0, K4, M2),
      flags: fc.constantFrom(0, 0, 0, 1, 6, 9),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('unmap'), iova, size }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('map_null'), iova, size }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'sync_only' }) },
);
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      mode: fc.constantFrom('sync', 'async', 'async'),
      ops: fc.array(operation, { maxLength: 4 }),
    }),
  },
  { weight: 3, arbitrary: fc.constantFrom('exec', 'cleanup') },
  { weight: 1, arbitrary: fc.nat(5) },
);
const queue = fc.option(
  fc
    .record({ depth: fc.option(fc.nat(4)), exec: fc.option(fc.nat(6)), cleanup: fc.nat(6) })
    .map(({ depth, exec, cleanup }) => ({
      depth,
      exec: exec === null ? null : ({ value: exec, unit: 'ops' } as const),
      cleanup: { value: cleanup, unit: 'ops' } as const,
    })),
);

/** Two objects: one physically contiguous, one in pieces. */
const OBJECTS = [
  { op: 'bo', id: 'a', size: 8 * M2, segments: [{ paddr: '0x8000000000', size: 8 * M2 }], folio: M2 },
  {
    op: 'bo',
    id: 'b',
    size: 64 * K4,
    segments: Array.from({ length: 64 }, (_, i) => ({ paddr: `0x${(2 ** 40 + 2 * i * K4).toString(16)}`, size: K4 })),
  },
];

it('every driver answers every bind', async () => {
  let lines = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 30 }),
      queue,
      fc.constantFrom('7.1' as const, '6.12' as const),
      fc.constantFrom(null, 'kernel', 'bulk-exact', 'shared-pool', 'mempool'),
      fc.boolean(),
      async (steps, waits, kernel, allocatorName, resident) => {
        const events: object[] = [{ op: 'domain', id: 'vm', resident, driver: 'panthor' }, ...OBJECTS];
        const open: string[] = [];
        for (const [i, one] of steps.entries()) {
          if (typeof one === 'number') events.push({ op: 'fail_alloc', nth: one + 1 });
          else if (typeof one === 'object') {
            events.push({ op: 'bind', job: `j${i}`, ...one });
            if (one.mode === 'async') open.push(`j${i}`);
          } else if (open.length > 0) {
            const job = open[0];
            // A job runs, then is cleaned up; or is cleaned up and never ran.
            if (one === 'exec') events.push({ op: 'exec', job });
            events.push({ op: 'cleanup', job });
            open.shift();
          }
        }
        events.push({ op: 'destroy', domain: 'vm' });
        const allocator = allocatorName === null ? null : chooseModel(allocatorName, ALLOCATORS);
        if (typeof allocator === 'string') throw new Error(allocator);
        const runs = GPU_DRIVERS.map((driver) => ({ driver, kernel, allocator, queue: waits, maple: true }));
        for (const { replayer, lines: told } of await replayEach(events, runs, { events: true })) {
          lines += told.length;
          for (const space of replayer.spaces) {
            for (const [key, value] of Object.entries(countersOf(space))) {
              if (!Number.isSafeInteger(value) || value < 0) expect([space.driver, key]).toEqual([space.driver, value]);
            }
            expect([space.driver, space.gpu?.vmas.size, space.counters[C.TABLES_LIVE]]).toEqual([space.driver, 0, 0]);
          }
        }
      },
    ),
    { seed: 91, numRuns: 120 },
  );
  expect(lines).toBeGreaterThan(5000);
});
