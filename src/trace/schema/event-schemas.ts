import {
  constant,
  flag,
  hex,
  integer,
  type Keys,
  list,
  natural,
  object,
  optional,
  type Schema,
  text,
  word,
} from '../../base/json-schema.ts';
import { DRIVERS, FORMATS } from '../../base/vocabulary.ts';
import { ATTACH_ACTIONS, LANGUAGE_VERSION, type OpName } from '../events.ts';
import {
  ADDRESS_RANGE,
  addressBits,
  BACKING_PART,
  BIND_OP,
  COMMON,
  DEPTH,
  IN_DOMAIN,
  IOVA,
  MAP_ARGUMENTS,
  NEST_WINDOW,
  name,
  PADDR,
  PGSIZES,
  PROT,
  powerOfTwo,
  RET,
  SEGMENT,
  SIZE,
} from './fields.ts';

const ID = text('Its id.');
const JOB = name('Id of the job.');
/** A range given whole or not at all. */
const RANGE_OR_NOT: Schema = { dependentRequired: { iova: ['size'], size: ['iova'] } };
/** What requests to a container have. */
const IN_CONTAINER: Keys = {
  ...COMMON,
  container: optional(text('Id of the container; c0 unless it says.')),
  mm: optional(text('Id of the process that asks; mm0 unless it says.')),
};
const VADDR = hex('First address in the memory of the process.');
const FLAGS = optional(natural('Flags of the request; none is known.'));
const FAULT = optional(natural('Offset of the first byte that no memory is behind.'));
const RANGES = (description: string): Schema => list(description, ADDRESS_RANGE);

/** A key that must not be there. */
const without = (...keys: string[]): Schema => ({ not: { anyOf: keys.map((key) => ({ required: [key] })) } });

/** The event of each operation, without its `op`. */
const EVENTS: Readonly<Record<OpName, readonly [description: string, keys: Keys, rules?: Schema]>> = {
  trace: [
    'What the trace is; the first line, if there is one.',
    {
      ...COMMON,
      version: constant('Version of the trace language.', LANGUAGE_VERSION),
      source: optional(text('Where the events come from.')),
      kernel: optional({ ...text('A kernel version such as 6.12 or 7.1.3.'), pattern: '^\\s*v?\\d+\\.\\d+' }),
      clock: optional(text('The clock of `ts` and `end`.')),
      meta: optional({ description: 'Anything; an import leaves its notes here.' }),
    },
  ],
  domain: [
    'Creates an address space.',
    {
      ...COMMON,
      id: ID,
      format: optional(word('Page-table format.', FORMATS)),
      pgsizes: optional(PGSIZES),
      ias: optional(addressBits('Bits of an IOVA.')),
      oas: optional(addressBits('Bits of a physical address.')),
      coherent: optional(flag('The table walker snoops the caches.')),
      quirks: optional(list('Switches of the engine.', text('A quirk; the engine refuses those it does not know.'))),
      cpuPageSize: optional(powerOfTwo('Bytes of a page of the CPU.')),
      driver: optional(word('Whose rules it follows.', DRIVERS)),
      resident: optional(flag('It holds a hardware slot, so that changes cost hardware events.')),
      flush: optional(text('TLB flush policy, as NAME,k=v.')),
      allocator: optional(text('Table allocator, as NAME,k=v.')),
      require: optional(list('Ranges that must be mappable.', ADDRESS_RANGE)),
      tableBase: optional(hex('Address of the first simulated table page.')),
      tableMin: optional(powerOfTwo('Bytes that a table page occupies at least.')),
    },
  ],
  map: [
    'A map request of the IOMMU core, which chooses the page sizes.',
    { ...IN_DOMAIN, iova: IOVA, paddr: PADDR, size: SIZE, ...MAP_ARGUMENTS, ret: optional(RET) },
  ],
  unmap: [
    'An unmap request of the IOMMU core.',
    {
      ...IN_DOMAIN,
      iova: IOVA,
      size: SIZE,
      gather: optional(word('The leaves are invalidated later.', ['queued'])),
      ret: optional(RET),
    },
  ],
  map_pages: [
    'One raw map call of the engine.',
    {
      ...IN_DOMAIN,
      iova: IOVA,
      paddr: PADDR,
      pgsize: natural('Bytes of a page.'),
      pgcount: natural('Pages.'),
      ...MAP_ARGUMENTS,
      ret: optional(RET),
    },
  ],
  unmap_pages: [
    'One raw unmap call of the engine.',
    {
      ...IN_DOMAIN,
      iova: IOVA,
      pgsize: natural('Bytes of a page.'),
      pgcount: natural('Pages.'),
      gather: optional(
        word('`none`: no gather was given; `queued`: invalidated later; left out: synced after the call.', [
          'queued',
          'none',
        ]),
      ),
      ret: optional(RET),
    },
  ],
  iova_to_phys: [
    'A look-up.',
    { ...IN_DOMAIN, iova: IOVA, paddr: optional(hex('What it is expected to give; 0x0: unmapped.')) },
  ],
  walk: ['A look-up that reads the entry of every level.', { ...IN_DOMAIN, iova: IOVA }],
  fail_alloc: [
    'Makes a table allocation fail.',
    { ...IN_DOMAIN, nth: integer('1: the next table allocation fails.', 1) },
  ],
  set_dirty: ['Hardware writes through the leaf of an IOVA.', { ...IN_DOMAIN, iova: IOVA }],
  read_dirty: [
    'Software reads the dirty state of a range.',
    { ...IN_DOMAIN, iova: IOVA, size: SIZE, clear: optional(flag('And clears it.')) },
  ],
  destroy: ['Ends an address space.', IN_DOMAIN],
  reserve: [
    'Makes and pins the tables of a range.',
    {
      ...IN_DOMAIN,
      id: ID,
      iova: IOVA,
      size: SIZE,
      depth: optional(DEPTH),
      domains: optional({
        ...list('Several address spaces in turn instead of `domain`: in all of them or in none.', text('An id.')),
        minItems: 1,
      }),
    },
    { not: { required: ['domain', 'domains'] } },
  ],
  unreserve: ['Unpins tables of a reservation.', ending(), RANGE_OR_NOT],
  release: ['Unmaps and unpins a reservation.', ending(), RANGE_OR_NOT],
  rcu_read: [
    'A reader under RCU: whole, with `begin` and `end`, or one of its ends, with `id` and `phase`.',
    {
      ...IN_DOMAIN,
      begin: optional(natural('Nanoseconds at which it began.')),
      id: optional(ID),
      phase: optional(word('Which of its ends.', ['begin', 'end'])),
      iova: optional(hex('The address that it is walking to.')),
    },
    {
      oneOf: [
        { required: ['begin', 'end'], ...without('phase') },
        { required: ['id', 'phase'], ...without('begin') },
      ],
    },
  ],
  bo: [
    'A buffer object and its physical memory.',
    {
      ...COMMON,
      id: ID,
      size: SIZE,
      segments: list('Its memory in order.', SEGMENT),
      folio: optional(natural('Bytes of the folios that it is made of.')),
    },
  ],
  bind: [
    'A VM_BIND ioctl: the reservation happens here.',
    {
      ...IN_DOMAIN,
      job: JOB,
      mode: word('Whether the caller waits.', ['sync', 'async']),
      ops: list('Its operations in order.', BIND_OP),
    },
  ],
  exec: ['An asynchronous job runs.', { ...IN_DOMAIN, job: JOB }],
  cleanup: ['What a job reserved and did not use goes back.', { ...IN_DOMAIN, job: JOB }],
  repeat: [
    'Maps one physical run over and over.',
    {
      ...IN_DOMAIN,
      iova: IOVA,
      size: natural('Bytes; a multiple of `length`.'),
      paddr: PADDR,
      length: integer('Bytes of the run.', 1),
      ...MAP_ARGUMENTS,
    },
  ],
  window_create: [
    'A DMA window of a container, by its shape or by what it must cover; with `domain` a window of an address space.',
    {
      ...IN_CONTAINER,
      pageShift: optional(natural('log2 of the bytes of a page.')),
      size: optional(natural('Bytes of the window.')),
      levels: optional(natural('Levels of its tables; 1 unless it says.')),
      flags: FLAGS,
      fail: optional(
        word('Fault injection: no memory for tables, or a group that does not take them.', ['table', 'program']),
      ),
      require: optional(RANGES('What it must cover, instead of a shape.')),
      pageSize: optional(powerOfTwo('Bytes of a page, with `require` or `domain`.')),
      tableLimit: optional(powerOfTwo('Bytes of one table at most, with `require`.')),
      domain: optional(text('Id of the address space that gets it.')),
      base: optional(hex('Where it is wanted; anywhere unless it says.')),
      fixed: optional(flag('At `base` or not at all.')),
    },
    {
      anyOf: [{ required: ['require'] }, { required: ['pageShift', 'size'] }, { required: ['domain', 'size'] }],
      if: { required: ['domain'] },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { required: ['size'] },
    },
  ],
  window_remove: [
    'Removes a DMA window; with `domain` a window of an address space.',
    {
      ...IN_CONTAINER,
      start: hex('An address in the window; of an address space the first one.'),
      flags: FLAGS,
      domain: optional(text('Id of the address space.')),
    },
  ],
  register: [
    'Pins and accounts memory of the process once, for maps to come.',
    {
      ...IN_CONTAINER,
      vaddr: VADDR,
      size: SIZE,
      backing: optional({
        description: 'Bytes of the pages behind it, of all or part by part; CPU pages unless it says.',
        anyOf: [powerOfTwo('Bytes of every page.'), list('Parts in order.', BACKING_PART)],
      }),
      fault: FAULT,
      flags: FLAGS,
    },
  ],
  unregister: [
    'Gives registered memory back.',
    {
      ...IN_CONTAINER,
      vaddr: VADDR,
      size: SIZE,
      phase: optional(word('One step of it: between them look-ups still find the region.', ['begin', 'end'])),
      flags: FLAGS,
    },
  ],
  window_map: [
    'Maps memory of the process through a DMA window.',
    {
      ...IN_CONTAINER,
      iova: IOVA,
      vaddr: VADDR,
      size: SIZE,
      prot: optional(PROT),
      flags: optional(natural('Instead of `prot`: 1 read, 2 write.')),
      fault: FAULT,
    },
  ],
  window_unmap: ['Clears a range of a DMA window.', { ...IN_CONTAINER, iova: IOVA, size: SIZE, flags: FLAGS }],
  attach: [
    'Attaches a group of devices to a container, or what `action` says instead.',
    {
      ...IN_CONTAINER,
      action: optional(word('What happens; attach unless it says.', ATTACH_ACTIONS)),
      group: optional(text('Id of the group; g0 unless it says.')),
      type: optional(word('Version of the container; v2 unless it says.', ['v1', 'v2'])),
      pgsizes: optional(PGSIZES),
      tce32Size: optional(powerOfTwo('Bytes of the default window; 2 GiB unless it says.')),
      maxLevels: optional(natural('Levels of tables at most; 5 unless it says.')),
      maxWindows: optional(natural('Windows at most; 2 unless it says.')),
      ddw: optional(flag('The platform can create windows.')),
      platform: optional(text('Groups of different platforms share no tables.')),
      argsz: optional(natural('Bytes that a caller of `info` has room for; 32 unless it says.')),
      cpuPageSize: optional(powerOfTwo('Bytes of a CPU page of the process; 64K unless it says.')),
      rlimit: optional(natural('Bytes that the process may lock; no limit unless it says.')),
      capIpcLock: optional(flag('The limit does not hold for the process.')),
      domain: optional(text('Id of the address space that a device with reserved ranges comes to.')),
      reserved: optional(RANGES('IOVAs that the device cannot use.')),
    },
  ],
  nest: [
    'An address space whose maps refer to addresses of its parent.',
    {
      ...COMMON,
      id: ID,
      parent: optional(text('Id of the parent; none for `passthrough`.')),
      kind: optional(
        word("Whose tables: the kernel's, the guest's own, or addresses of the process as they are.", [
          'kernel',
          'user',
          'passthrough',
        ]),
      ),
      mm: optional(text('With `passthrough`: id of the process.')),
      nesting: optional(word('Who follows its maps through the parent.', ['software', 'hardware'])),
      windows: optional(list('Windows that it begins with; nothing outside can be mapped.', NEST_WINDOW)),
      format: optional(word('Page-table format.', FORMATS)),
      pgsizes: optional(PGSIZES),
      ias: optional(addressBits('Bits of an IOVA.')),
      oas: optional(addressBits('Bits of a physical address.')),
      coherent: optional(flag('The table walker snoops the caches.')),
    },
    {
      if: { required: ['kind'], properties: { kind: { const: 'passthrough' } } },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: without('parent'),
      else: { required: ['parent'] },
    },
  ],
};

function ending(): Keys {
  return {
    ...IN_DOMAIN,
    id: text('Id of the reservation.'),
    iova: optional(IOVA),
    size: optional(SIZE),
    depth: optional(DEPTH),
  };
}

/** The schema of the events of one operation. */
export function eventSchema(op: OpName): Schema {
  const [description, keys, rules] = EVENTS[op];
  return object(description, { op: constant('The operation.', op), ...keys }, rules);
}
