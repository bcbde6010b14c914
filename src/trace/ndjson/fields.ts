import { MOST_ATTRIBUTE, MOST_SOFTWARE, SHARE_NAMES } from '../../base/extended-prot.ts';
import { isHex64, isPowerOfTwo } from '../../base/u64.ts';
import { DRIVERS, FORMATS, PROT_LETTERS } from '../../base/vocabulary.ts';
import { ATTACH_ACTIONS, LANGUAGE_VERSION, type OpName } from '../events.ts';

/** Keys and indices down to a value. */
export type Path = readonly (string | number)[];

/** A value within a field that is not right. */
export interface Wrong {
  /** From the field's value down. */
  readonly path: Path;
  readonly value: unknown;
  readonly must: string;
}

/** A check answers null when the value is right, else what it must be, or which value within it is wrong. */
export type Check = (value: unknown) => string | Wrong | null;

export interface Field {
  readonly check: Check;
  readonly required: boolean;
}

/** What a field must be, as a sentence's end: "... must be <text>". */
const hex: Check = (value) => {
  if (typeof value === 'string' && isHex64(value)) return null;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) {
    return `an address as a hex string: "0x${value.toString(16)}"`;
  }
  return 'an address as a hex string of at most 16 digits, such as "0x7f0012345000"';
};

const bytes: Check = (value) => {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return null;
  if (typeof value === 'string' && isHex64(value)) return `an integer of bytes: ${BigInt(value)}`;
  return 'an integer of bytes, 0 or more and below 2^53';
};

const count: Check = (value) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
    ? null
    : 'an integer, 0 or more and below 2^53';

const returned: Check = (value) =>
  Number.isSafeInteger(value) ? null : 'an integer: 0 or a negative errno of a map, the bytes that an unmap removed';

const positive: Check = (value) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 ? null : 'an integer, 1 or more';

const addressBits: Check = (value) =>
  typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 64
    ? null
    : 'a number of bits, 1 to 64';

const depth: Check = (value) =>
  value === 1 || value === 2 || value === 3 ? null : '1, 2 or 3: the levels of tables to reserve';

const text: Check = (value) => (typeof value === 'string' ? null : 'a string');
const flag: Check = (value) => (typeof value === 'boolean' ? null : 'true or false');
const name: Check = (value) =>
  typeof value === 'string' || (typeof value === 'number' && Number.isSafeInteger(value))
    ? null
    : 'a string or an integer';

const prot: Check = (value) => {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= 0xffffffff) return null;
  if (typeof value === 'string' && protBits(value) !== null) return null;
  return 'letters of "rwcnmp" (read, write, cacheable, no-execute, mmio, privileged), each at most once, or the integer of IOMMU_* bits';
};

const attribute: Check = (value) =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MOST_ATTRIBUTE
    ? null
    : `an attribute index, 0 to 7, or 0 to ${MOST_ATTRIBUTE} in stage 2`;

const software: Check = (value) =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MOST_SOFTWARE
    ? null
    : `the software bits 58 to 56 of a leaf, 0 to ${MOST_SOFTWARE}`;

/** Bits of protection letters, null when a letter is unknown or repeated. */
export function protBits(letters: string): number | null {
  let bits = 0;
  for (const letter of letters) {
    const bit = Object.hasOwn(PROT_LETTERS, letter) ? PROT_LETTERS[letter] : undefined;
    if (bit === undefined || (bits & bit) !== 0) return null;
    bits |= bit;
  }
  return bits;
}

function oneOf(values: readonly string[]): Check {
  const names = values.map((value) => `"${value}"`).join(', ');
  return (value) => (values.includes(value as string) ? null : values.length === 1 ? names : `one of ${names}`);
}

/** What is wrong with a value that lies at `step` within the one being checked. */
function within(step: string | number, value: unknown, wrong: string | Wrong): Wrong {
  if (typeof wrong === 'string') return { path: [step], value, must: wrong };
  return { ...wrong, path: [step, ...wrong.path] };
}

function listOf(item: Check, what: string): Check {
  return (value) => {
    if (!Array.isArray(value)) return `a list of ${what}`;
    for (const [i, entry] of value.entries()) {
      const wrong = item(entry);
      if (wrong !== null) return within(i, entry, wrong);
    }
    return null;
  };
}

function shape(fields: Readonly<Record<string, Field>>, what: string): Check {
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return what;
    const record = value as Record<string, unknown>;
    for (const [key, field] of Object.entries(fields)) {
      const present = Object.hasOwn(record, key);
      if (!present && field.required) return `${what} with "${key}"`;
      const wrong = present ? field.check(record[key]) : null;
      if (wrong !== null) return within(key, record[key], wrong);
    }
    return null;
  };
}

const pgsizes: Check = (value) => {
  if (typeof value === 'string')
    return isHex64(value) ? null : 'a list of bytes or one bitmap in hex, such as "0x40201000"';
  if (!Array.isArray(value)) return 'a list of bytes or one bitmap in hex, such as "0x40201000"';
  return LIST_OF_SIZES(value);
};

const powerOfTwo: Check = (value) =>
  typeof value === 'number' && isPowerOfTwo(value) ? null : 'a power of two, in bytes';

const LIST_OF_SIZES = listOf(powerOfTwo, 'page sizes');

const must = (check: Check): Field => ({ check, required: true });
const may = (check: Check): Field => ({ check, required: false });

/** Fields that every event may carry. */
const COMMON = {
  ts: may(count),
  end: may(count),
  thread: may(name),
  queue: may(name),
  waits: may(listOf(name, 'names of fences')),
  signals: may(listOf(name, 'names of fences')),
  comment: may(text),
} as const satisfies Record<string, Field>;

const IN_DOMAIN = { ...COMMON, domain: may(text) };

const BIND_OP = shape(
  {
    kind: must(oneOf(['map', 'unmap', 'map_null', 'sync_only'])),
    iova: may(hex),
    size: may(bytes),
    bo: may(text),
    offset: may(bytes),
    flags: may(count),
  },
  'an operation',
);

/** What a VM_BIND operation of each kind cannot do without. */
const BIND_OP_NEEDS: Readonly<Record<string, readonly string[]>> = {
  map: ['iova', 'size', 'bo'],
  unmap: ['iova', 'size'],
  map_null: ['iova', 'size'],
  sync_only: [],
};

const bindOp: Check = (value) => {
  const wrong = BIND_OP(value);
  if (wrong !== null) return wrong;
  const record = value as Readonly<Record<string, unknown>>;
  const kind = record['kind'] as string;
  const missing = BIND_OP_NEEDS[kind].filter((key) => !Object.hasOwn(record, key));
  if (missing.length === 0) return null;
  return `an operation with ${quotedList(missing)}, which kind "${kind}" needs`;
};

/** `"a", "b" and "c"`. */
function quotedList(keys: readonly string[]): string {
  const quoted = keys.map((key) => `"${key}"`);
  const last = quoted.pop();
  return quoted.length === 0 ? `${last}` : `${quoted.join(', ')} and ${last}`;
}

const RANGE = shape({ start: must(hex), end: must(hex) }, 'a range {"start","end"}');
const SEGMENT = shape({ paddr: must(hex), size: must(bytes) }, 'a segment {"paddr","size"}');
/** What a map may ask for. */
const MAP_ARGUMENTS = {
  prot: may(prot),
  sh: may(oneOf(SHARE_NAMES)),
  attrIndex: may(attribute),
  contig: may(flag),
  sw: may(software),
};
const RANGE_FIELDS = { iova: must(hex), size: must(bytes) };
const RANGES = listOf(RANGE, 'ranges');
const IN_CONTAINER = { ...COMMON, container: may(text), mm: may(text) };
const BACKING_PART = shape({ size: must(bytes), page: must(powerOfTwo) }, 'a part {"size","page"}');
const BACKING_PARTS = listOf(BACKING_PART, 'parts {"size","page"}');
const backing: Check = (value) =>
  typeof value === 'number' ? powerOfTwo(value) : Array.isArray(value) ? BACKING_PARTS(value) : BACKING;
const BACKING = 'a power of two, in bytes, or a list of parts {"size","page"}';
const NEST_WINDOW = shape({ base: may(hex), size: must(bytes), pageSize: may(powerOfTwo) }, 'a window {"size"}');

/** The fields of every op. Keys that are not listed are kept and ignored. */
export const OP_FIELDS: Readonly<Record<OpName, Readonly<Record<string, Field>>>> = {
  trace: {
    ...COMMON,
    version: must((value) =>
      value === LANGUAGE_VERSION
        ? null
        : `${LANGUAGE_VERSION}, the only version of the trace language that this pgtrace reads`,
    ),
    source: may(text),
    kernel: may(text),
    clock: may(text),
  },
  domain: {
    ...COMMON,
    id: must(text),
    format: may(oneOf(FORMATS)),
    pgsizes: may(pgsizes),
    ias: may(addressBits),
    oas: may(addressBits),
    coherent: may(flag),
    quirks: may(listOf(text, 'quirk names')),
    cpuPageSize: may(powerOfTwo),
    driver: may(oneOf(DRIVERS)),
    resident: may(flag),
    flush: may(text),
    allocator: may(text),
    require: may(RANGES),
    tableBase: may(hex),
    tableMin: may(powerOfTwo),
  },
  map: { ...IN_DOMAIN, iova: must(hex), paddr: must(hex), size: must(bytes), ...MAP_ARGUMENTS, ret: may(returned) },
  unmap: { ...IN_DOMAIN, ...RANGE_FIELDS, gather: may(oneOf(['queued'])), ret: may(returned) },
  map_pages: {
    ...IN_DOMAIN,
    iova: must(hex),
    paddr: must(hex),
    pgsize: must(bytes),
    pgcount: must(count),
    ...MAP_ARGUMENTS,
    ret: may(returned),
  },
  unmap_pages: {
    ...IN_DOMAIN,
    iova: must(hex),
    pgsize: must(bytes),
    pgcount: must(count),
    gather: may(oneOf(['queued', 'none'])),
    ret: may(returned),
  },
  iova_to_phys: { ...IN_DOMAIN, iova: must(hex), paddr: may(hex) },
  walk: { ...IN_DOMAIN, iova: must(hex) },
  fail_alloc: { ...IN_DOMAIN, nth: must(positive) },
  set_dirty: { ...IN_DOMAIN, iova: must(hex) },
  read_dirty: { ...IN_DOMAIN, ...RANGE_FIELDS, clear: may(flag) },
  destroy: { ...COMMON, domain: may(text) },
  reserve: {
    ...IN_DOMAIN,
    id: must(text),
    ...RANGE_FIELDS,
    depth: may(depth),
    domains: may(listOf(text, 'domain ids')),
  },
  unreserve: { ...IN_DOMAIN, id: must(text), iova: may(hex), size: may(bytes), depth: may(depth) },
  release: { ...IN_DOMAIN, id: must(text), iova: may(hex), size: may(bytes), depth: may(depth) },
  rcu_read: {
    ...IN_DOMAIN,
    begin: may(count),
    id: may(text),
    phase: may(oneOf(['begin', 'end'])),
    iova: may(hex),
  },
  bo: {
    ...COMMON,
    id: must(text),
    size: must(bytes),
    segments: must(listOf(SEGMENT, 'segments')),
    folio: may(bytes),
  },
  bind: {
    ...IN_DOMAIN,
    job: must(name),
    mode: must(oneOf(['sync', 'async'])),
    ops: must(listOf(bindOp, 'operations')),
  },
  exec: { ...IN_DOMAIN, job: must(name) },
  cleanup: { ...IN_DOMAIN, job: must(name) },
  repeat: { ...IN_DOMAIN, ...RANGE_FIELDS, paddr: must(hex), length: must(positive), ...MAP_ARGUMENTS },
  window_create: {
    ...IN_CONTAINER,
    pageShift: may(count),
    size: may(bytes),
    levels: may(count),
    flags: may(count),
    fail: may(oneOf(['table', 'program'])),
    require: may(RANGES),
    pageSize: may(powerOfTwo),
    tableLimit: may(powerOfTwo),
    domain: may(text),
    base: may(hex),
    fixed: may(flag),
  },
  window_remove: { ...IN_CONTAINER, start: must(hex), flags: may(count), domain: may(text) },
  register: {
    ...IN_CONTAINER,
    vaddr: must(hex),
    size: must(bytes),
    backing: may(backing),
    fault: may(bytes),
    flags: may(count),
  },
  unregister: {
    ...IN_CONTAINER,
    vaddr: must(hex),
    size: must(bytes),
    phase: may(oneOf(['begin', 'end'])),
    flags: may(count),
  },
  window_map: {
    ...IN_CONTAINER,
    iova: must(hex),
    vaddr: must(hex),
    size: must(bytes),
    prot: may(prot),
    flags: may(count),
    fault: may(bytes),
  },
  window_unmap: { ...IN_CONTAINER, ...RANGE_FIELDS, flags: may(count) },
  attach: {
    ...IN_CONTAINER,
    action: may(oneOf(ATTACH_ACTIONS)),
    group: may(text),
    type: may(oneOf(['v1', 'v2'])),
    pgsizes: may(pgsizes),
    tce32Size: may(powerOfTwo),
    maxLevels: may(count),
    maxWindows: may(count),
    ddw: may(flag),
    platform: may(text),
    argsz: may(count),
    cpuPageSize: may(powerOfTwo),
    rlimit: may(bytes),
    capIpcLock: may(flag),
    domain: may(text),
    reserved: may(RANGES),
  },
  nest: {
    ...COMMON,
    id: must(text),
    parent: may(text),
    kind: may(oneOf(['kernel', 'user', 'passthrough'])),
    mm: may(text),
    nesting: may(oneOf(['software', 'hardware'])),
    windows: may(listOf(NEST_WINDOW, 'windows')),
    format: may(oneOf(FORMATS)),
    pgsizes: may(pgsizes),
    ias: may(addressBits),
    oas: may(addressBits),
    coherent: may(flag),
  },
};
