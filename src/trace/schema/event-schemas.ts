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
import { LANGUAGE_VERSION, type OpName } from '../events.ts';
import {
  ADDRESS_RANGE,
  addressBits,
  BIND_OP,
  COMMON,
  DEPTH,
  IN_DOMAIN,
  IOVA,
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
const WINDOW = 'DMA windows and pre-registration; read, not replayed yet.';

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
    { ...IN_DOMAIN, iova: IOVA, paddr: PADDR, size: SIZE, prot: optional(PROT), ret: optional(RET) },
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
      prot: optional(PROT),
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
    'Maps one physical run over and over; read, not replayed yet.',
    { ...IN_DOMAIN, iova: IOVA, size: SIZE, paddr: PADDR, length: natural('Bytes of the run.'), prot: optional(PROT) },
  ],
  window_create: [WINDOW, IN_DOMAIN],
  window_remove: [WINDOW, IN_DOMAIN],
  register: [WINDOW, IN_DOMAIN],
  unregister: [WINDOW, IN_DOMAIN],
  window_map: [WINDOW, IN_DOMAIN],
  window_unmap: [WINDOW, IN_DOMAIN],
  attach: [WINDOW, IN_DOMAIN],
  nest: [
    'An address space whose maps refer to its parent; read, not replayed yet.',
    { ...COMMON, id: ID, parent: text('Id of the parent.') },
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
