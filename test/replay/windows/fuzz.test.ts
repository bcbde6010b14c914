import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ndjson } from '../../cli/events.ts';
import { runCli } from '../../cli/fake-io.ts';
import { EVENTS } from '../../trace/arbitraries.ts';

const NAMES = ['c0', 'c1', 'd0', 'n0', 'n1', 'p0'];
const address = fc.oneof(
  fc.nat(32).map((page) => page * 4096),
  fc.nat(32).map((page) => page * 65536),
  fc.nat(8).map((page) => 2 ** 59 + page * 65536),
  fc.constantFrom(1, 2 ** 52, 2 ** 63, 2 ** 64 - 65536),
);
const hex = address.map((value) => `0x${BigInt(value).toString(16)}`);
const size = fc.oneof(
  fc.nat(16).map((pages) => pages * 65536),
  fc.constantFrom(0, 1, 4096, 2 ** 26, Number.MAX_SAFE_INTEGER),
);

/** Fields with values that mean something, for events of any kind: they meet each other often. */
const meaning = fc.record(
  {
    container: fc.constantFrom('c0', 'c1'),
    mm: fc.constantFrom('mm0', 'mm0', 'mm0', 'mm1'),
    domain: fc.constantFrom(...NAMES),
    iova: hex,
    vaddr: hex,
    paddr: hex,
    start: hex,
    base: hex,
    size,
    id: fc.constantFrom(...NAMES),
    parent: fc.constantFrom(...NAMES),
    pageShift: fc.constantFrom(12, 16, 24, 63),
    levels: fc.constantFrom(0, 1, 2, 5, 1e15),
    flags: fc.constantFrom(0, 0, 1, 3, 4),
    action: fc.constantFrom('attach', 'attach', 'detach', 'release', 'enable', 'disable', 'info', 'process', 'query'),
    type: fc.constantFrom('v1', 'v2'),
    kind: fc.constantFrom('kernel', 'user', 'passthrough'),
    backing: fc.oneof(fc.constant(65536), fc.array(fc.record({ size, page: fc.constantFrom(4096, 2 ** 24) }))),
    fault: size,
    prot: fc.constantFrom('', 'r', 'w', 'rw'),
    maxLevels: fc.constantFrom(1, 5, 16, 17, 1e12),
    rlimit: size,
    require: fc.array(fc.record({ start: hex, end: hex }), { maxLength: 2 }),
    windows: fc.array(fc.record({ size, base: hex }), { maxLength: 2 }),
    ias: fc.constantFrom(30, 39, 48),
    phase: fc.constantFrom('begin', 'end'),
  },
  { requiredKeys: ['iova', 'vaddr', 'paddr', 'start', 'size', 'id'] },
);
const OPS = [
  ...['window_create', 'window_remove', 'register', 'unregister', 'window_map', 'window_unmap', 'attach', 'nest'],
  ...['domain', 'map', 'unmap', 'map_pages', 'unmap_pages', 'destroy', 'iova_to_phys'],
] as const;
const event = fc
  .tuple(fc.constantFrom(...OPS, ...OPS.slice(2, 7)), meaning)
  .map(([op, fields]) => ({ op, pgsize: 4096, pgcount: 2, ...fields }));
const wild = fc.oneof(
  EVENTS.window_create,
  EVENTS.register,
  EVENTS.window_map,
  EVENTS.window_unmap,
  EVENTS.attach,
  EVENTS.nest,
  EVENTS.window_remove,
  EVENTS.unregister,
);

const OPTIONS = [
  [],
  ['--fix-leaks', 'off', '--unregister', 'kernel'],
  ['--nesting', 'hardware', '--parent-unmap', 'revoke'],
  ['--require', '0:4G', '--timeline'],
  ['--queue-depth', '2', '--allocator', 'reserve'],
];

describe('nonsense', () => {
  it('is told as such, and is no bug', async () => {
    let replayed = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof({ arbitrary: event, weight: 8 }, { arbitrary: wild, weight: 1 }), {
          minLength: 20,
          maxLength: 40,
        }),
        fc.constantFrom(...OPTIONS),
        async (events, args) => {
          const stdin = ndjson([
            { op: 'domain', id: 'd0' },
            { op: 'nest', id: 'n0', parent: 'd0' },
            { op: 'attach' },
            ...events,
          ]);
          const { code, stdout, stderr } = await runCli(['replay', '-', '--lenient', '--json', '-q', ...args], {
            stdin,
          });
          expect(stderr).not.toContain('bug');
          expect([0, 1, 3]).toContain(code);
          const { counters } = JSON.parse(stdout) as { counters: Record<string, number> };
          for (const [key, value] of Object.entries(counters))
            expect(Number.isSafeInteger(value) && value >= 0, `${key} ${value}`).toBe(true);
          replayed += Object.entries(counters)
            .filter(([key]) => key.startsWith('windows.ops.'))
            .reduce((sum, [, count]) => sum + count, 0);
          const compared = await runCli(['windows', '-', '--lenient', '--json', '-q'], { stdin });
          expect(compared.stderr).not.toContain('bug');
          expect([0, 3]).toContain(compared.code);
        },
      ),
      { seed: 37, numRuns: 80 },
    );
    expect(replayed).toBeGreaterThan(300);
  }, 120_000);
});
