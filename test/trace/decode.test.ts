import { describe, expect, it } from 'vitest';
import { type Event, OPS } from '../../src/trace/events.ts';
import { decodeEvent, LineError } from '../../src/trace/ndjson/decode.ts';
import { OP_FIELDS } from '../../src/trace/ndjson/fields.ts';
import { locate } from '../../src/trace/ndjson/locate.ts';

/** One good event of every op, with every field. */
/** What maps may ask for beside their protection. */
const ARGUMENTS = { sh: 'outer', attrIndex: 3, contig: true, sw: 5 };
const IN_DOMAIN = {
  ts: 1,
  end: 2,
  thread: 'main',
  queue: 3,
  waits: ['f', 1],
  signals: ['g'],
  comment: 'x',
  domain: 'd0',
};
const COMMON = { ts: 1, end: 2, thread: 7, queue: 'copy', waits: ['f', 1], signals: ['g'], comment: 'x' };
const IN_CONTAINER = { ...COMMON, container: 'c0', mm: 'mm0' };
const RANGE = { iova: '0x1000', size: 4096 };
const GOOD: Readonly<Record<Event['op'], Readonly<Record<string, unknown>>>> = {
  map: { ...IN_DOMAIN, ...RANGE, paddr: '0xFFFFFFFFFFFFF000', prot: 'rwc', ...ARGUMENTS, ret: 0 },
  unmap: { ...IN_DOMAIN, ...RANGE, gather: 'queued', ret: 4096 },
  map_pages: { ...IN_DOMAIN, iova: '0x0', paddr: '0x0', pgsize: 4096, pgcount: 3, prot: 7, ...ARGUMENTS, ret: -12 },
  unmap_pages: { ...IN_DOMAIN, iova: '0x0', pgsize: 4096, pgcount: 3, gather: 'none', ret: 0 },
  iova_to_phys: { ...IN_DOMAIN, iova: '0x0', paddr: '0x0' },
  walk: { ...IN_DOMAIN, iova: '0x0' },
  fail_alloc: { ...IN_DOMAIN, nth: 1 },
  set_dirty: { ...IN_DOMAIN, iova: '0x0' },
  read_dirty: { ...IN_DOMAIN, ...RANGE, clear: true },
  trace: { ...COMMON, version: 1, source: 's', kernel: '6.12', clock: 'mono', meta: { any: [1] } },
  domain: {
    ...COMMON,
    id: 'd0',
    format: 'ARM_64_LPAE_S2',
    pgsizes: [4096, 2097152],
    ias: 40,
    oas: 48,
    coherent: false,
    quirks: ['NS', 'HD'],
    cpuPageSize: 4096,
    driver: 'panthor',
    resident: true,
    flush: 'smmuv3',
    allocator: 'plain',
    require: [{ start: '0x0', end: '0x1000' }],
    tableBase: '0x100000000',
    tableMin: 4096,
  },
  destroy: IN_DOMAIN,
  reserve: { ...IN_DOMAIN, ...RANGE, id: 'r', depth: 3 },
  unreserve: { ...IN_DOMAIN, ...RANGE, id: 'r', depth: 2 },
  release: { ...IN_DOMAIN, ...RANGE, id: 'r', depth: 1 },
  rcu_read: { ...IN_DOMAIN, end: 5, begin: 5, id: 'r', iova: '0x1000' },
  bo: { ...COMMON, id: 'b', size: 8192, segments: [{ paddr: '0x1000', size: 8192 }], folio: 4096 },
  bind: {
    ...IN_DOMAIN,
    job: 'j',
    mode: 'async',
    ops: [{ kind: 'map', iova: '0x1000', size: 4096, bo: 'b', offset: 0, flags: 1 }, { kind: 'sync_only' }],
  },
  exec: { ...IN_DOMAIN, job: 4 },
  cleanup: { ...IN_DOMAIN, job: 'j' },
  repeat: { ...IN_DOMAIN, ...RANGE, paddr: '0x0', length: 1 << 30, prot: '', ...ARGUMENTS },
  window_create: {
    ...IN_CONTAINER,
    pageShift: 16,
    size: 2 ** 36,
    levels: 2,
    flags: 0,
    fail: 'program',
    require: [{ start: '0x0', end: '0x10000' }],
    pageSize: 65536,
    tableLimit: 65536,
    domain: 'd0',
    base: '0x0',
    fixed: false,
  },
  window_remove: { ...IN_CONTAINER, start: '0x0', flags: 0, domain: 'd0' },
  register: { ...IN_CONTAINER, vaddr: '0x10000', size: 65536, backing: 4096, fault: 1, flags: 0 },
  unregister: { ...IN_CONTAINER, vaddr: '0x10000', size: 65536, phase: 'end', flags: 0 },
  window_map: { ...IN_CONTAINER, ...RANGE, vaddr: '0x10000', prot: 'r', flags: 1, fault: 0 },
  window_unmap: { ...IN_CONTAINER, ...RANGE, flags: 0 },
  attach: {
    ...IN_CONTAINER,
    action: 'info',
    group: 'g0',
    type: 'v1',
    pgsizes: [4096],
    tce32Size: 2 ** 30,
    maxLevels: 1,
    maxWindows: 1,
    ddw: false,
    platform: 'p7',
    argsz: 16,
    cpuPageSize: 4096,
    rlimit: 1,
    capIpcLock: true,
    domain: 'd0',
    reserved: [{ start: '0x0', end: '0x1000' }],
  },
  nest: {
    ...COMMON,
    id: 'n',
    parent: 'd0',
    kind: 'user',
    mm: 'mm1',
    nesting: 'hardware',
    windows: [{ size: 4096 }],
    format: 'ARM_64_LPAE_S2',
    pgsizes: [4096],
    ias: 40,
    oas: 40,
    coherent: true,
  },
};

function refusal(text: string): { message: string; column: number } {
  try {
    decodeEvent(text);
  } catch (error) {
    if (error instanceof LineError) return locate(text, error);
    throw error;
  }
  throw new Error(`accepted: ${text}`);
}

describe('decodeEvent', () => {
  it('knows every op', () => {
    expect(Object.keys(GOOD).sort()).toEqual([...OPS].sort());
  });

  it.each(OPS)('takes %s with every field, and keeps unknown keys', (op) => {
    const event = { op, ...GOOD[op], 'x-note': [1, { two: null }], __unknown: true };
    expect(decodeEvent(JSON.stringify(event))).toEqual(event);
    // A reader is whole or one end of one, a reserve is in one domain or in several, never both.
    const alternative = op === 'rcu_read' ? ['phase'] : op === 'reserve' ? ['domains'] : [];
    expect(Object.keys(OP_FIELDS[op]).filter((key) => !Object.hasOwn(event, key))).toEqual(alternative);
  });

  it.each(OPS)('refuses %s with any field of a wrong type, pointing at it', (op) => {
    for (const key of Object.keys(OP_FIELDS[op])) {
      for (const wrong of [null, true, {}, -1, 1.5, 'not 0x1', []]) {
        const field = OP_FIELDS[op][key];
        if (field.check(wrong) === null) continue;
        const text = JSON.stringify({ op, ...GOOD[op], [key]: wrong });
        const { message, column } = refusal(text);
        expect(message).toContain(`"${key}" is ${JSON.stringify(wrong)}; it must be `);
        expect(text.slice(column - 1).startsWith(JSON.stringify(wrong))).toBe(true);
        expect(text.slice(0, column - 1).endsWith(`"${key}":`)).toBe(true);
      }
    }
  });

  it.each(OPS)('refuses %s without a field that it needs', (op) => {
    for (const [key, field] of Object.entries(OP_FIELDS[op])) {
      if (!field.required) continue;
      const { [key]: _, ...rest } = GOOD[op];
      expect(refusal(JSON.stringify({ op, ...rest })).message).toContain(`${op} without "${key}"`);
    }
  });

  it.each([
    ['{"op":"mapp"}', 'unknown op "mapp"; did you mean "map"?', 7],
    ['{"op":"MAP"}', 'unknown op "MAP"; did you mean "map"?', 7],
    ['{"op":"iova-to-phys"}', 'unknown op "iova-to-phys"; did you mean "iova_to_phys"?', 7],
    ['{"op":7}', '"op" is 7; it must be the name of an operation, such as "map"', 7],
    ['{"op":null}', '"op" is null; it must be the name of an operation, such as "map"', 7],
    ['{}', 'this object has no "op"; it names the operation, as in {"op":"walk","iova":"0x1000"}', 1],
    ['17', 'found 17; each line must hold one JSON object, such as {"op":"walk","iova":"0x1000"}', 1],
  ])('refuses %s', (text, message, column) => {
    expect(refusal(text)).toEqual({ message, column });
  });

  it('lists the ops when none is near', () => {
    expect(refusal('{"op":"frobnicate"}').message).toContain('unknown op "frobnicate"; known are map, unmap, ');
    expect(refusal(`{"op":"${'x'.repeat(100_000)}"}`).message.length).toBeLessThan(500);
  });

  it('shows a number as it is written, not as it was rounded', () => {
    const text = '{"op":"unmap","iova":"0x0","size":18446744073709551616}';
    expect(refusal(text).message).toBe(
      '"size" is 18446744073709551616; it must be an integer of bytes, 0 or more and below 2^53',
    );
  });

  it('refuses rounded numbers under keys it does not know, too', () => {
    const text = '{"op":"walk","iova":"0x0","extra":{"list":[1,9007199254740993]}}';
    expect(refusal(text)).toEqual({
      message:
        '"extra"."list"[1] is 9007199254740993; it must be a number below 2^53, or a string: JSON readers round larger numbers',
      column: text.indexOf('9007') + 1,
    });
    expect(refusal('{"op":"walk","iova":"0x0","extra":1e400}').message).toContain('"extra" is 1e400;');
    expect(decodeEvent('{"op":"walk","iova":"0x0","extra":9007199254740991,"comment":"9007199254740993"}').op).toBe(
      'walk',
    );
  });

  it('points into nested values', () => {
    const text = '{"op":"bind","job":1,"mode":"sync","ops":[{"kind":"sync_only"},{"kind":"map","iova":4096}]}';
    expect(refusal(text)).toEqual({
      message: '"ops"[1]."iova" is 4096; it must be an address as a hex string: "0x1000"',
      column: text.indexOf('4096') + 1,
    });
    expect(refusal('{"op":"bo","id":"b","size":1,"segments":[{"size":4}]}').message).toBe(
      '"segments"[0] is {"size":4}; it must be a segment {"paddr","size"} with "paddr"',
    );
    expect(refusal('{"op":"domain","id":"d","pgsizes":[4096,562949953421313]}').message).toContain(
      '"pgsizes"[1] is 562949953421313',
    );
  });

  it.each([
    ['{"op":"walk","iova":"0x0","ts":10,"end":9}', '"end" is 9; it must be 10 or more, as "ts" is 10', 41],
    ['{"op":"exec","job":1,"end":4,"ts":1e3}', '"end" is 4; it must be 1000 or more, as "ts" is 1000', 28],
    ['{"op":"rcu_read","begin":5,"end":4}', '"end" is 4; it must be 5 or more, as "begin" is 5', 34],
    [
      '{"op":"rcu_read","begin":5}',
      'rcu_read with "begin" and without "end", as in {"op":"rcu_read","begin":1000,"end":2000}',
      1,
    ],
    [
      '{"op":"rcu_read","phase":"end"}',
      'rcu_read with "phase" and without "id", as in {"op":"rcu_read","id":"r1","phase":"begin"}',
      1,
    ],
    [
      '{"op":"rcu_read","id":"r1","end":7}',
      'rcu_read must have "begin" and "end", as in {"op":"rcu_read","begin":1000,"end":2000}, or "id" and "phase", as in {"op":"rcu_read","id":"r1","phase":"begin"}',
      1,
    ],
    [
      '{"op":"rcu_read","id":"r1","phase":"end","begin":1,"end":2}',
      'rcu_read with both "begin" and "phase"; it must be a whole reader, as in {"op":"rcu_read","begin":1000,"end":2000}, or one end of a reader, as in {"op":"rcu_read","id":"r1","phase":"begin"}',
      36,
    ],
    [
      '{"op":"unreserve","id":"r","iova":"0x0"}',
      'unreserve with "iova" and without "size"; the range must be given as both, or by "id" alone',
      35,
    ],
    [
      '{"op":"release","id":"r","size":4096}',
      'release with "size" and without "iova"; the range must be given as both, or by "id" alone',
      33,
    ],
    [
      '{"op":"reserve","id":"r","iova":"0x0","size":4096,"depth":4}',
      '"depth" is 4; it must be 1, 2 or 3: the levels of tables to reserve',
      59,
    ],
  ])('refuses fields that do not go together: %s', (text, message, column) => {
    expect(refusal(text)).toEqual({ message, column });
  });

  it('takes either form of a reader, and times that are equal', () => {
    for (const text of [
      '{"op":"rcu_read","begin":5,"end":5,"ts":5,"domain":"d0","iova":"0x1000"}',
      '{"op":"rcu_read","id":"r","phase":"end","end":5}',
      '{"op":"unreserve","id":"r"}',
      '{"op":"walk","iova":"0x0","end":0}',
    ])
      expect(decodeEvent(text)).toEqual(JSON.parse(text));
  });

  it.each([
    ['{"kind":"map"}', '"iova", "size" and "bo", which kind "map" needs'],
    ['{"kind":"map","size":1,"iova":"0x0"}', '"bo", which kind "map" needs'],
    ['{"kind":"unmap","bo":"b"}', '"iova" and "size", which kind "unmap" needs'],
    ['{"kind":"map_null","iova":"0x0"}', '"size", which kind "map_null" needs'],
  ])('refuses a bind operation that lacks something, by its index: %s', (op, needs) => {
    const text = `{"op":"bind","job":1,"mode":"sync","ops":[{"kind":"sync_only"},${op}]}`;
    expect(refusal(text)).toEqual({
      message: `"ops"[1] is ${op}; it must be an operation with ${needs}`,
      column: text.indexOf(op) + 1,
    });
  });

  it('takes the last of a repeated key, as JSON.parse does, and points at it', () => {
    const text = '{"op":"walk","iova":"0x1","iova":2}';
    expect(refusal(text).column).toBe(text.indexOf('2}') + 1);
    expect(decodeEvent('{"op":"walk","iova":2,"iova":"0x1"}')).toEqual({ op: 'walk', iova: '0x1' });
  });

  it('survives values nested deeper than the stack', () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    expect(refusal(`{"op":"walk","iova":${deep}}`).message).toContain('"iova" is [...; it must be an address');
    expect(refusal(`{"a":${'['.repeat(200_000)}`).message).toContain('not valid JSON');
    expect(decodeEvent(`{"op":"walk","iova":"0x1","deep":${deep}}`).op).toBe('walk');
  });
});
