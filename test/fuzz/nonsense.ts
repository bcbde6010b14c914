import type { Random } from '../trace/import/robust/random.ts';

/*
 * Traces that are well formed line by line and make no sense as a whole: every operation, addresses that meet each other,
 * sizes of all kinds, ids that exist and that do not.
 */

const SIZES = [
  0,
  1,
  4095,
  4096,
  8192,
  65536,
  2 ** 21,
  2 ** 21 + 4096,
  2 ** 25,
  2 ** 30,
  2 ** 30 + 2 ** 21,
  2 ** 31,
  2 ** 52,
];
const PAGES = [0, 1, 512, 4096, 16384, 65536, 2 ** 21, 2 ** 25, 2 ** 29, 2 ** 30, 2 ** 42];
const COUNTS = [0, 1, 2, 15, 16, 511, 512, 513, 8192, 2 ** 40];
const PROTS = ['r', 'rw', 'rwc', 'rwcn', 'w', '', 'm', 'rwcnmp', 0, 3, 63, 0xffffffff];
const FORMATS = ['ARM_64_LPAE_S1', 'ARM_64_LPAE_S2', 'ARM_32_LPAE_S1', 'ARM_32_LPAE_S2', 'ARM_MALI_LPAE'];
const DRIVERS = ['iommu', 'panthor', 'msm', 'pvr', 'nouveau', 'xe'];
const QUIRKS = ['NS', 'TTBR1', 'OUTER_WBWA', 'HD', 'S2FWB', 'NO_WARN', 'SOMETHING'];
/** Names that would do harm where somebody takes them for markup, keys or terminal commands. */
export const HOSTILE = [
  '__proto__',
  'constructor',
  'toString',
  '',
  ' ',
  'a\u0000b',
  '\u001b[31mred\u001b[0m',
  '\u001b]0;title\u0007',
  '</script><script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  '::error::no',
  '%0A::error::no',
  '../../etc/passwd',
  '\u202egnp.exe',
  '\u2028',
  '\ud800',
  '=HYPERLINK("http://x")',
  '|a|b|',
  'x'.repeat(300),
];

const hex = (random: Random): string => {
  const base = random.pick([0, 0, 0x1000, 0x1ff000, 0x200000, 0x3fe00000, 0x40000000, 0x7f0000000000, 0xfffffffff000]);
  const value = BigInt(base) + BigInt(random.below(6) * random.pick([1, 4096, 4096, 65536, 2 ** 21]));
  if (random.oneIn(40))
    return random.pick(['0xffffffffffffffff', '0xffffffffffe00000', '0xffffffff00000000', '0x8000000000000000']);
  return `0x${value.toString(16)}`;
};

/** Sizes that every way of replaying takes in a moment. */
export const MODEST = SIZES.filter((size) => size <= 2 ** 30);

/** A trace of `count` events as text, with ranges of these sizes. */
export function nonsense(random: Random, count: number, sizes: readonly number[] = SIZES): string {
  const domains = random.oneIn(3) ? [null] : ['d0', 'd1', random.pick(HOSTILE)];
  const lines: unknown[] = [];
  let ts = 0;
  for (const id of domains) if (id !== null || random.oneIn(2)) lines.push(domain(random, id ?? 'd0'));
  for (const id of ['b0', 'b1']) {
    const size = random.pick([65536, 2 ** 21, 2 ** 25]);
    lines.push({ op: 'bo', id, size, segments: [{ paddr: hex(random), size }] });
  }
  for (let i = 0; i < count; i++) {
    const event = random.oneIn(150) ? domain(random, random.pick(['d0', 'd1', 'd2'])) : operation(random, sizes);
    const id = random.pick(domains);
    if (id !== null && !('id' in event && event['op'] === 'domain')) event['domain'] = id;
    if (random.oneIn(3)) {
      ts += random.below(100);
      event['ts'] = ts;
      if (random.oneIn(3)) event['end'] = ts + random.below(300);
    }
    if (random.oneIn(4)) event['thread'] = random.pick<unknown>([0, 1, 'a', random.pick(HOSTILE)]);
    if (random.oneIn(4)) event['queue'] = random.pick<unknown>([0, 1, 'q']);
    lines.push(event);
  }
  return `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`;
}

/** A domain of any configuration; one that is refused ends most traces, so that is rare. */
function domain(random: Random, id: string): Record<string, unknown> {
  const event: Record<string, unknown> = { op: 'domain', id };
  const wild = random.oneIn(6);
  if (random.oneIn(2)) event['format'] = random.pick(wild ? FORMATS : FORMATS.slice(0, 2));
  if (random.oneIn(3)) {
    event['pgsizes'] = random.pick<unknown>([[4096], [4096, 2 ** 21], [16384], [65536], '0x40201000']);
    if (wild) event['pgsizes'] = random.pick<unknown>(['0x0', [8192], [4096, 65536]]);
  }
  if (random.oneIn(3)) event['ias'] = random.pick(wild ? [1, 12, 20, 33, 52, 64] : [32, 39, 40, 48]);
  if (random.oneIn(4)) event['oas'] = random.pick(wild ? [1, 32, 52, 64] : [40, 48]);
  if (random.oneIn(4)) event['coherent'] = false;
  if (random.oneIn(4) && wild) event['quirks'] = [random.pick(QUIRKS)];
  if (random.oneIn(3)) event['driver'] = random.pick(wild ? DRIVERS : DRIVERS.slice(0, 3));
  if (random.oneIn(8)) event['allocator'] = random.pick(['reserve', 'bulk', wild ? 'nothing' : 'pool,min=2,max=4']);
  if (random.oneIn(8)) event['flush'] = random.pick(['smmuv3', 'smmuv3,ril=off', wild ? 'x' : 'none']);
  if (random.oneIn(40)) event['tableBase'] = hex(random);
  if (random.oneIn(30)) event['require'] = [{ start: hex(random), end: hex(random) }];
  return event;
}

function operation(random: Random, sizes: readonly number[]): Record<string, unknown> {
  const at = { iova: hex(random) };
  // From high up even a part of a huge range is hundreds of thousands of tables, made one by one.
  const range = { ...at, size: random.pick(at.iova.length > 13 ? MODEST : sizes) };
  const id = random.pick(['r0', 'r1', random.pick(HOSTILE)]);
  const job = random.pick<unknown>([0, 1, 2, 'j']);
  if (random.oneIn(12)) return windowOperation(random);
  const event = plainOperation(random, at, range, id, job);
  if (random.oneIn(30)) event[random.pick(['waits', 'signals'])] = [random.pick(['f0', 'f1', ...HOSTILE.slice(0, 3)])];
  return event;
}

/** Arguments that few maps have. */
function extended(random: Random): Record<string, unknown> {
  if (!random.oneIn(10)) return {};
  return random.pick<Record<string, unknown>>([
    { contig: true },
    { sh: random.pick(['none', 'outer', 'inner']) },
    { attrIndex: random.below(17) },
    { sw: random.below(9) },
  ]);
}

/** DMA windows, pre-registration and nesting. */
function windowOperation(random: Random): Record<string, unknown> {
  const container = random.oneIn(3) ? { container: random.pick(['c0', random.pick(HOSTILE)]) } : {};
  const base = random.pick(['0x0', '0x10000', '0x800000000000000', '0x7fff0000']);
  const memory = { vaddr: random.pick(['0x0', '0x7f0000000000', '0x7f0000010000']), size: random.pick(SIZES) };
  switch (random.below(9)) {
    case 0:
      return { op: 'attach', ...container, group: random.pick(['g0', 'g1']), type: random.pick(['v1', 'v2']) };
    case 1:
      return { op: 'attach', ...container, action: random.pick(['detach', 'enable', 'disable', 'query', 'release']) };
    case 2:
      return {
        op: 'window_create',
        ...container,
        pageShift: random.pick([0, 12, 16, 24, 60]),
        size: random.pick([...SIZES, 2 ** 40]),
        levels: random.pick([0, 1, 2, 5, 9]),
      };
    case 3:
      return { op: 'window_remove', ...container, start: base };
    case 4:
      return { op: 'register', ...container, ...memory };
    case 5:
      return { op: 'unregister', ...container, ...memory };
    case 6:
      return { op: 'window_map', ...container, iova: base, ...memory, prot: random.pick(['rw', 'r', '']) };
    case 7:
      return { op: 'window_unmap', ...container, iova: base, size: random.pick(SIZES) };
    default:
      return { op: 'nest', id: random.pick(['d1', 'n0', 'n1']), parent: random.pick(['d0', 'n0', 'nobody']) };
  }
}

function plainOperation(
  random: Random,
  at: { readonly iova: string },
  range: { readonly iova: string; readonly size: number },
  id: string,
  job: unknown,
): Record<string, unknown> {
  switch (random.below(19)) {
    case 0:
    case 1:
    case 2:
      return { op: 'map', ...range, paddr: hex(random), prot: random.pick<unknown>(PROTS), ...extended(random) };
    case 3:
    case 4:
      return random.oneIn(4) ? { op: 'unmap', ...range, gather: 'queued' } : { op: 'unmap', ...range };
    case 5:
    case 6:
      return { op: 'map_pages', ...at, paddr: hex(random), pgsize: random.pick(PAGES), pgcount: random.pick(COUNTS) };
    case 7:
      return {
        op: 'unmap_pages',
        ...at,
        pgsize: random.pick(PAGES),
        pgcount: random.pick(COUNTS),
        ...(random.oneIn(3) ? { gather: random.pick(['none', 'queued']) } : {}),
      };
    case 8:
      return { op: 'iova_to_phys', ...at, ...(random.oneIn(2) ? { paddr: hex(random) } : {}) };
    case 9:
      return random.oneIn(2) ? { op: 'walk', ...at } : { op: 'fail_alloc', nth: 1 + random.below(4) };
    case 10:
      return { op: 'set_dirty', ...at };
    case 11:
      return { op: 'read_dirty', ...range, size: Math.min(range.size, 2 ** 30), clear: random.oneIn(2) };
    case 12:
      return { op: 'reserve', id, ...range, depth: 1 + random.below(3) };
    case 13:
      return { op: random.pick(['unreserve', 'release']), id, ...(random.oneIn(3) ? range : {}) };
    case 14:
      return random.oneIn(2)
        ? { op: 'rcu_read', id, phase: random.pick(['begin', 'end']) }
        : { op: 'rcu_read', begin: random.below(1000), end: 1000 + random.below(1000) };
    case 15:
      return {
        op: 'bo',
        id: random.pick(['b0', 'b1']),
        size: random.pick(SIZES),
        segments: [{ paddr: hex(random), size: random.pick(SIZES) }],
      };
    case 16:
    case 17:
      return {
        op: 'bind',
        job,
        mode: random.pick(['sync', 'async']),
        ops: Array.from({ length: random.below(3) }, () =>
          random.oneIn(2)
            ? {
                kind: 'map',
                ...range,
                bo: random.pick(['b0', 'b1', 'b0', 'b1', random.oneIn(20) ? 'b2' : 'b0']),
                offset: random.pick([0, 4096, 2 ** 21]),
              }
            : { kind: random.pick(['unmap', 'map_null']), ...range },
        ),
      };
    default:
      if (random.oneIn(3)) return { op: 'destroy' };
      if (random.oneIn(2))
        return { op: 'repeat', ...range, paddr: hex(random), length: random.pick([4096, 8192, 65536]) };
      return { op: random.pick(['exec', 'cleanup']), job };
  }
}
