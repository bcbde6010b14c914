import { readdirSync, readFileSync } from 'node:fs';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Schema } from '../../../src/base/json-schema.ts';
import type { Json } from '../../../src/base/stable-json.ts';
import { type Event, OPS } from '../../../src/trace/events.ts';
import { decodeEvent } from '../../../src/trace/ndjson/decode.ts';
import { OP_FIELDS } from '../../../src/trace/ndjson/fields.ts';
import { runCli } from '../../cli/fake-io.ts';
import { compile, expectValid, printedSchema, undescribed } from '../../stats/schema/ajv.ts';
import { SchemaWalk } from '../../stats/schema/walk.ts';

const TRACES = new URL('../../../traces/', import.meta.url).pathname;
const WORKLOADS = [
  'bind-storm,jobs=4',
  'browser,jobs=50',
  'fragmented,jobs=20',
  'game,frames=5,textures=20',
  'vm-churn,jobs=50',
];

let schema: Schema;
let validate: ValidateFunction;

beforeAll(async () => {
  schema = await printedSchema('trace');
  validate = compile(schema);
});

const RANGE = { iova: '0x7f0012345000', size: 4096 };
const COMMON = { ts: 1000, end: 2000, thread: 'kworker', queue: 3, waits: ['f'], signals: [7], comment: 'why' };
/** What maps may ask for beside their protection. */
const ARGUMENTS = { sh: 'outer', attrIndex: 3, contig: true, sw: 5 };
const IN_DOMAIN = { ...COMMON, domain: 'gpu' };
const IN_CONTAINER = { ...COMMON, container: 'c0', mm: 'qemu' };

/** For each operation, an event that has every key it can have. */
const FULL: Readonly<Record<Event['op'], Readonly<Record<string, Json>>>> = {
  trace: { ...COMMON, version: 1, source: 'by hand', kernel: '6.12', clock: 'mono', meta: { of: ['any', null] } },
  domain: {
    ...COMMON,
    id: 'gpu',
    format: 'ARM_MALI_LPAE',
    pgsizes: [4096, 2 ** 21],
    ias: 48,
    oas: 40,
    coherent: false,
    quirks: ['NS'],
    cpuPageSize: 4096,
    driver: 'panthor',
    resident: true,
    flush: 'none',
    allocator: 'pool,max=4',
    require: [{ start: '0x0', end: '0x1000' }],
    tableBase: '0x100000000',
    tableMin: 4096,
  },
  map: { ...IN_DOMAIN, ...RANGE, paddr: '0x80000000', prot: 'rwc', ...ARGUMENTS, ret: -17 },
  unmap: { ...IN_DOMAIN, ...RANGE, gather: 'queued', ret: 4096 },
  map_pages: { ...IN_DOMAIN, iova: '0x0', paddr: '0xA000', pgsize: 4096, pgcount: 3, prot: 7, ...ARGUMENTS, ret: 0 },
  unmap_pages: { ...IN_DOMAIN, iova: '0x0', pgsize: 4096, pgcount: 3, gather: 'none', ret: 0 },
  iova_to_phys: { ...IN_DOMAIN, iova: '0x0', paddr: '0x0' },
  walk: { ...IN_DOMAIN, iova: '0xffffffffffffffff' },
  fail_alloc: { ...IN_DOMAIN, nth: 1 },
  set_dirty: { ...IN_DOMAIN, iova: '0x0' },
  read_dirty: { ...IN_DOMAIN, ...RANGE, clear: true },
  destroy: IN_DOMAIN,
  reserve: { ...COMMON, id: 'r', ...RANGE, depth: 3, domains: ['a', 'b'] },
  unreserve: { ...IN_DOMAIN, id: 'r', ...RANGE, depth: 1 },
  release: { ...IN_DOMAIN, id: 'r', ...RANGE, depth: 2 },
  rcu_read: { ...IN_DOMAIN, begin: 1, id: 'reader', iova: '0x0' },
  bo: { ...COMMON, id: 'b', size: 8192, segments: [{ paddr: '0x1000', size: 8192 }], folio: 4096 },
  bind: {
    ...IN_DOMAIN,
    job: 7,
    mode: 'async',
    ops: (['map', 'unmap', 'map_null', 'sync_only'] as const).map((kind) => ({
      kind,
      ...RANGE,
      bo: 'b',
      offset: 4096,
      flags: 1,
    })),
  },
  exec: { ...IN_DOMAIN, job: 'j' },
  cleanup: { ...IN_DOMAIN, job: 'j' },
  repeat: { ...IN_DOMAIN, ...RANGE, paddr: '0x0', length: 4096, prot: '', ...ARGUMENTS },
  window_create: {
    ...IN_CONTAINER,
    pageShift: 16,
    size: 2 ** 36,
    levels: 2,
    flags: 0,
    fail: 'table',
    require: [{ start: '0x0', end: '0x1000' }],
    pageSize: 65536,
    tableLimit: 2 ** 24,
    domain: 'gpu',
    base: '0x0',
    fixed: true,
  },
  window_remove: { ...IN_CONTAINER, start: '0x0', flags: 0, domain: 'gpu' },
  register: { ...IN_CONTAINER, vaddr: '0x0', size: 65536, backing: [{ size: 4096, page: 4096 }], fault: 0, flags: 0 },
  unregister: { ...IN_CONTAINER, vaddr: '0x0', size: 65536, phase: 'begin', flags: 0 },
  window_map: { ...IN_CONTAINER, ...RANGE, vaddr: '0x0', prot: 'rw', flags: 3, fault: 0 },
  window_unmap: { ...IN_CONTAINER, ...RANGE, flags: 0 },
  attach: {
    ...IN_CONTAINER,
    action: 'attach',
    group: 'g0',
    type: 'v2',
    pgsizes: [4096, 65536],
    tce32Size: 2 ** 31,
    maxLevels: 5,
    maxWindows: 2,
    ddw: true,
    platform: 'ioda2',
    argsz: 32,
    cpuPageSize: 65536,
    rlimit: 0,
    capIpcLock: false,
    domain: 'gpu',
    reserved: [{ start: '0x0', end: '0x1000' }],
  },
  nest: {
    ...COMMON,
    id: 'n',
    parent: 'p',
    kind: 'kernel',
    mm: 'mm0',
    nesting: 'software',
    windows: [{ base: '0x0', size: 4096, pageSize: 4096 }],
    format: 'ARM_64_LPAE_S1',
    pgsizes: '0x1000',
    ias: 39,
    oas: 40,
    coherent: true,
  },
};
/** Keys that exclude those above. */
const MORE: readonly Readonly<Record<string, Json>>[] = [
  { op: 'reserve', ...IN_DOMAIN, id: 'r', ...RANGE },
  { op: 'rcu_read', id: 'r', phase: 'begin' },
  { op: 'domain', id: 'd', pgsizes: '0x40201000' },
  { op: 'register', vaddr: '0x0', size: 65536, backing: 65536 },
  { op: 'window_create', pageShift: 16, size: 2 ** 36 },
  { op: 'nest', id: 'root', kind: 'passthrough' },
];
const full = OPS.map((op): Json => ({ op, ...FULL[op] }));

function decodes(event: unknown): boolean {
  try {
    decodeEvent(JSON.stringify(event));
    return true;
  } catch {
    return false;
  }
}

/** The events of a text in the trace language. */
function eventsOf(text: string): Json[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line));
}

describe('the schema of the trace language', () => {
  it('is strict JSON Schema, every part of it described', () => {
    expect(schema['$id']).toBe('urn:pgtrace:schema:pgtrace.trace/1');
    expect(undescribed(schema)).toEqual([]);
  });

  it('has the operations and the keys of the decoder, and asks for the same ones', () => {
    const parts = schema['$defs'] as Record<string, { properties: object; required: string[] }>;
    expect(Object.keys(parts)).toEqual([...OPS]);
    for (const op of OPS) {
      const fields = Object.entries(OP_FIELDS[op]);
      // Whatever it holds, `meta` is right: the decoder does not look at it.
      const free = op === 'trace' ? ['meta'] : [];
      expect(Object.keys(parts[op].properties).sort()).toEqual([...fields.map(([key]) => key), ...free, 'op'].sort());
      expect([...parts[op].required].sort()).toEqual(
        ['op', ...fields.filter(([, { required }]) => required).map(([key]) => key)].sort(),
      );
    }
  });

  it('has no key that no event can have', () => {
    const walk = new SchemaWalk(schema);
    for (const event of [...full, ...MORE]) {
      expect(decodes(event)).toBe(true);
      expectValid(validate, event, JSON.stringify(event));
      walk.add(event);
    }
    expect([...walk.undeclared]).toEqual([]);
    expect(walk.dead).toEqual([]);
  });

  it.each(readdirSync(TRACES).filter((name) => name.endsWith('.ndjson')))('takes every event of %s', (name) => {
    const walk = new SchemaWalk(schema);
    for (const event of eventsOf(readFileSync(`${TRACES}${name}`, 'utf8'))) {
      expectValid(validate, event, `${name}: ${JSON.stringify(event)}`);
      walk.add(event);
    }
    expect([...walk.undeclared]).toEqual([]);
  });

  it.each(readdirSync(TRACES).filter((name) => name.endsWith('.txt.gz')))(
    'takes every event of an import of %s',
    async (name) => {
      for (const layer of ['pgtable', 'iommu']) {
        const { stdout } = await runCli(['import', `${TRACES}${name}`, '-q', '--layer', layer]);
        expectAll(eventsOf(stdout), `${name} ${layer}`);
      }
    },
  );

  it.each(WORKLOADS)('takes every event of the workload %s', async (name) => {
    for (const args of [[], ['--driver', 'msm'], ...(/^(bind|game)/.test(name) ? [['--explicit']] : [])]) {
      const { stdout } = await runCli(['gen', name, ...args]);
      expect(expectAll(eventsOf(stdout), name)).toBeGreaterThan(9);
    }
  });

  function expectAll(events: readonly Json[], what: string): number {
    const walk = new SchemaWalk(schema);
    for (const event of events) {
      if (!validate(event)) expectValid(validate, event, `${what}: ${JSON.stringify(event)}`);
      walk.add(event);
    }
    expect([...walk.undeclared]).toEqual([]);
    return events.length;
  }
});

/** What is wrong with the traces that a schema of one line cannot see, and why. */
const BEYOND: Readonly<Record<string, RegExp>> = {
  'needs what other lines say':
    /^(bind-(bo|segment|map-null)|cleanup-twice|domain-(destroyed|not-named|refused|twice|unknown)|exec-|job-still|map-in-pvr|rcu-read-(before|end)|reserve-domain|nest-parent-unknown|require-askew|window-type-changed)/,
  'compares two numbers': /^(reserve-)?end-before-ts/,
  'is about numbers that a parser has rounded already': /^number-rounded/,
  'is no JSON text in UTF-8': /^(json-(?!array|null)|not-utf8|nul-bytes|format-utf16)/,
};

describe('the invalid traces', () => {
  const names = readdirSync(`${TRACES}invalid`).filter((name) => name.endsWith('.ndjson'));

  it.each(names)('%s is refused, or is beyond a schema', (name) => {
    const texts = readFileSync(`${TRACES}invalid/${name}`, 'utf8').split('\n');
    let valid = true;
    let json = true;
    for (const text of texts.filter((line) => line.trim() !== '')) {
      try {
        if (!validate(JSON.parse(text))) valid = false;
      } catch {
        json = false;
      }
    }
    const reason = Object.entries(BEYOND).find(([, pattern]) => pattern.test(name))?.[0];
    if (reason === undefined) expect([json, valid]).toEqual([true, false]);
    else if (reason.startsWith('is no JSON')) expect(json && !name.startsWith('not-utf8')).toBe(false);
    else expect([json, valid]).toEqual([true, true]);
  });
});

describe('the schema and the decoder', () => {
  const odd = fc.constantFrom<unknown>(
    ...[
      0,
      1,
      2,
      3,
      4,
      64,
      65,
      -1,
      1.5,
      4096,
      3000,
      2 ** 52,
      2 ** 32,
      null,
      true,
      '',
      'a',
      'rw',
      'rr',
      'rwx',
      '0x1000',
      '0X10',
    ],
    ...['0x', '0x12345678901234567', 'queued', 'none', 'sync', 'begin', 'end', 'map', 'panthor', '6.12', 'pmnwcr'],
    ...[
      [],
      [4096],
      [3000],
      ['NS'],
      [{}],
      [{ start: '0x0', end: '0x1' }],
      [{ kind: 'map' }],
      [{ kind: 'sync_only' }],
      {},
    ],
    [{ kind: 'unmap', iova: '0x0', size: 1, bo: 3 }],
  );
  const keys = [...new Set([...full, ...MORE].flatMap((event) => Object.keys(event as object)))];
  const change = fc.record({ key: fc.constantFrom(...keys), value: odd, drop: fc.boolean() });

  it('agree on every change of an event', () => {
    let refused = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...full, ...MORE),
        fc.array(change, { minLength: 1, maxLength: 3 }),
        (base, changes) => {
          const event = { ...(base as Record<string, unknown>) };
          for (const { key, value, drop } of changes) {
            if (drop) delete event[key];
            else event[key] = value;
          }
          // What a schema cannot say, and what the replay says of a kernel's version.
          const from = Math.max(
            ...['ts', ...(event['op'] === 'rcu_read' ? ['begin'] : [])].map((key) => Number(event[key] ?? 0)),
          );
          fc.pre(!('end' in event) || !(Number(event['end']) < from));
          fc.pre(!('kernel' in event) || event['kernel'] === '6.12' || typeof event['kernel'] !== 'string');
          const known = decodes(event);
          if (!known) refused++;
          if (validate(event) !== known)
            expect.fail(`decoder ${known}: ${JSON.stringify(event)} ${JSON.stringify(validate.errors?.[0])}`);
        },
      ),
      { seed: 5, numRuns: 6000 },
    );
    expect(refused).toBeGreaterThan(800);
    expect(refused).toBeLessThan(5900);
  });
});
