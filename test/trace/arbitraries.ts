import fc from 'fast-check';
import { DRIVERS, FORMATS, PROT_LETTERS, QUIRKS } from '../../src/base/vocabulary.ts';
import { ATTACH_ACTIONS, type Event } from '../../src/trace/events.ts';
import { anyCharacter } from '../any-character.ts';

/** Addresses of every length, in both cases. */
export const hex: fc.Arbitrary<`0x${string}`> = fc
  .tuple(fc.bigInt(0n, (1n << 64n) - 1n), fc.integer({ min: 1, max: 64 }), fc.boolean())
  .map(([value, bits, upper]) => {
    const digits = (value >> BigInt(64 - bits)).toString(16);
    return `0x${upper ? digits.toUpperCase() : digits}` as const;
  });
export const size = fc.oneof(fc.constantFrom(0, 4096, 65536, 2 ** 21, 2 ** 30), fc.maxSafeNat());
const bits = fc.integer({ min: 1, max: 64 });
const power = fc.integer({ min: 0, max: 52 }).map((n) => 2 ** n);
const name = fc.oneof(
  fc.string({ unit: anyCharacter, maxLength: 12 }),
  fc.constantFrom('d0', 'gpu', '__proto__', 'ä', '🙂'),
);
const nameOrNumber = fc.oneof(name, fc.maxSafeInteger());
const prot = fc.oneof(
  fc.shuffledSubarray(Object.keys(PROT_LETTERS)).map((letters) => letters.join('')),
  fc.integer({ min: 0, max: 0xffffffff }),
);

/** What maps may ask for beside their protection. */
const mapArguments = {
  prot,
  sh: fc.constantFrom('none', 'outer', 'inner'),
  attrIndex: fc.nat({ max: 15 }),
  contig: fc.boolean(),
  sw: fc.nat({ max: 7 }),
};

/** Fields that the language does not know; none of these names is a field of any op. */
const unknownKeys = fc
  .dictionary(
    fc.string({ unit: anyCharacter, maxLength: 8 }).map((key) => `x${key}`),
    // Through JSON once: -0 becomes 0, and numbers beyond 2^53 are not in the language.
    fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown),
    { maxKeys: 3 },
  )
  .filter((fields) => !/\d[eE]|\d{16}/.test(JSON.stringify(fields)));

const ret = fc.oneof(fc.constantFrom(0, -12, -17, 4096), fc.maxSafeInteger());
const fences = fc.array(nameOrNumber, { minLength: 1, maxLength: 3 });
const common = {
  ts: size,
  end: size,
  thread: nameOrNumber,
  queue: nameOrNumber,
  waits: fences,
  signals: fences,
  comment: name,
};
const inDomain = { ...common, domain: name };

/** The same fields with `end` no earlier than the beginnings. */
function ordered(fields: Record<string, unknown>): Record<string, unknown> {
  const starts = [fields['ts'], fields['begin']].filter((start) => typeof start === 'number');
  if (typeof fields['end'] === 'number') fields['end'] = Math.max(fields['end'], ...starts);
  return fields;
}

function event(
  op: Event['op'],
  required: Record<string, fc.Arbitrary<unknown>>,
  optional: Record<string, fc.Arbitrary<unknown>>,
): fc.Arbitrary<Event> {
  return fc
    .tuple(fc.record(required), fc.record(optional, { requiredKeys: [] }), unknownKeys)
    .map(([must, may, unknown]) => ordered({ ...unknown, op, ...must, ...may }) as unknown as Event);
}

const range = { iova: hex, size };
const bindFields = { iova: hex, size, bo: name, offset: size, flags: fc.nat() };
const bindOp = fc.oneof(
  fc.record({ kind: fc.constant('map'), ...bindFields }, { requiredKeys: ['kind', 'iova', 'size', 'bo'] }),
  fc.record({ kind: fc.constantFrom('unmap', 'map_null'), ...bindFields }, { requiredKeys: ['kind', 'iova', 'size'] }),
  fc.record({ kind: fc.constant('sync_only'), ...bindFields }, { requiredKeys: ['kind'] }),
);
const depth = fc.integer({ min: 1, max: 3 });
const ranges = fc.array(fc.record({ start: hex, end: hex }), { maxLength: 3 });
const inContainer = { ...common, container: name, mm: name };
const windowFields = { levels: size, flags: size, fail: fc.constantFrom('table', 'program'), tableLimit: power };

/** Events of every op, with every field that it may have. */
export const EVENTS: Readonly<Record<Event['op'], fc.Arbitrary<Event>>> = {
  map: event('map', { ...range, paddr: hex }, { ...inDomain, ret, ...mapArguments }),
  unmap: event('unmap', range, { ...inDomain, ret, gather: fc.constant('queued') }),
  map_pages: event(
    'map_pages',
    { iova: hex, paddr: hex, pgsize: size, pgcount: size },
    { ...inDomain, ret, ...mapArguments },
  ),
  unmap_pages: event(
    'unmap_pages',
    { iova: hex, pgsize: size, pgcount: size },
    { ...inDomain, ret, gather: fc.constantFrom('queued', 'none') },
  ),
  iova_to_phys: event('iova_to_phys', { iova: hex }, { ...inDomain, paddr: hex }),
  walk: event('walk', { iova: hex }, inDomain),
  fail_alloc: event('fail_alloc', { nth: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }) }, inDomain),
  set_dirty: event('set_dirty', { iova: hex }, inDomain),
  read_dirty: event('read_dirty', range, { ...inDomain, clear: fc.boolean() }),
  trace: event(
    'trace',
    { version: fc.constant(1) },
    {
      ...common,
      source: name,
      kernel: name,
      clock: name,
      meta: fc.jsonValue({ maxDepth: 0 }).filter((v) => typeof v !== 'number'),
    },
  ),
  domain: event(
    'domain',
    { id: name },
    {
      ...common,
      format: fc.constantFrom(...FORMATS),
      pgsizes: fc.oneof(fc.array(power, { maxLength: 4 }), hex),
      ias: bits,
      oas: bits,
      coherent: fc.boolean(),
      quirks: fc.subarray([...QUIRKS, 'SOMETHING_ELSE']),
      cpuPageSize: power,
      driver: fc.constantFrom(...DRIVERS),
      resident: fc.boolean(),
      flush: name,
      allocator: name,
      require: fc.array(fc.record({ start: hex, end: hex }), { maxLength: 3 }),
      tableBase: hex,
      tableMin: power,
    },
  ),
  destroy: event('destroy', {}, inDomain),
  reserve: fc.oneof(
    event('reserve', { id: name, ...range }, { ...inDomain, depth }),
    event('reserve', { id: name, ...range, domains: fc.array(name, { minLength: 1, maxLength: 3 }) }, { depth }),
  ),
  unreserve: fc.oneof(
    event('unreserve', { id: name }, { ...inDomain, depth }),
    event('unreserve', { id: name, ...range }, { ...inDomain, depth }),
  ),
  release: fc.oneof(
    event('release', { id: name }, { ...inDomain, depth }),
    event('release', { id: name, ...range }, { ...inDomain, depth }),
  ),
  rcu_read: fc.oneof(
    event('rcu_read', { begin: size, end: size }, { ...inDomain, iova: hex, id: name }),
    event('rcu_read', { id: name, phase: fc.constantFrom('begin', 'end') }, { ...inDomain, iova: hex }),
  ),
  bo: event(
    'bo',
    { id: name, size, segments: fc.array(fc.record({ paddr: hex, size }), { maxLength: 3 }) },
    { ...common, folio: size },
  ),
  bind: event(
    'bind',
    { job: nameOrNumber, mode: fc.constantFrom('sync', 'async'), ops: fc.array(bindOp, { maxLength: 3 }) },
    inDomain,
  ),
  exec: event('exec', { job: nameOrNumber }, inDomain),
  cleanup: event('cleanup', { job: nameOrNumber }, inDomain),
  repeat: event(
    'repeat',
    { ...range, paddr: hex, length: fc.integer({ min: 1, max: 2 ** 40 }) },
    { ...inDomain, ...mapArguments },
  ),
  window_create: fc.oneof(
    event('window_create', { pageShift: size, size }, { ...inContainer, ...windowFields }),
    event('window_create', { require: ranges }, { ...inContainer, ...windowFields }),
    event('window_create', { domain: name, size }, { ...inContainer, base: hex, fixed: fc.boolean(), pageSize: power }),
  ),
  window_remove: event('window_remove', { start: hex }, { ...inContainer, flags: size, domain: name }),
  register: event(
    'register',
    { vaddr: hex, size },
    {
      ...inContainer,
      backing: fc.oneof(power, fc.array(fc.record({ size, page: power }), { maxLength: 3 })),
      fault: size,
      flags: size,
    },
  ),
  unregister: event(
    'unregister',
    { vaddr: hex, size },
    { ...inContainer, phase: fc.constantFrom('begin', 'end'), flags: size },
  ),
  window_map: event('window_map', { ...range, vaddr: hex }, { ...inContainer, prot, flags: size, fault: size }),
  window_unmap: event('window_unmap', range, { ...inContainer, flags: size }),
  attach: event(
    'attach',
    {},
    {
      ...inContainer,
      action: fc.constantFrom(...ATTACH_ACTIONS),
      group: name,
      type: fc.constantFrom('v1', 'v2'),
      pgsizes: fc.oneof(fc.array(power, { maxLength: 4 }), hex),
      tce32Size: power,
      maxLevels: size,
      maxWindows: size,
      ddw: fc.boolean(),
      platform: name,
      argsz: size,
      cpuPageSize: power,
      rlimit: size,
      capIpcLock: fc.boolean(),
      domain: name,
      reserved: ranges,
    },
  ),
  nest: fc.oneof(
    event(
      'nest',
      { id: name, parent: name },
      {
        ...common,
        kind: fc.constantFrom('kernel', 'user'),
        nesting: fc.constantFrom('software', 'hardware'),
        windows: fc.array(fc.record({ base: hex, size, pageSize: power }, { requiredKeys: ['size'] }), {
          maxLength: 3,
        }),
        format: fc.constantFrom(...FORMATS),
        pgsizes: fc.oneof(fc.array(power, { maxLength: 4 }), hex),
        ias: bits,
        oas: bits,
        coherent: fc.boolean(),
      },
    ),
    event('nest', { id: name, kind: fc.constant('passthrough') }, { ...common, mm: name }),
  ),
};

export const anyEvent: fc.Arbitrary<Event> = fc.oneof(...Object.values(EVENTS));
