import { MOST_ATTRIBUTE, MOST_SOFTWARE, SHARE_NAMES } from '../../base/extended-prot.ts';
import {
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
import { PROT_LETTERS } from '../../base/vocabulary.ts';

/*
 * Fields that several operations of the trace language have, as schemas. The decoder's checks (trace/ndjson/)
 * say the same in code.
 */

const LETTERS = Object.keys(PROT_LETTERS).join('');
const LARGEST_POWER = 52;

/** A string or an integer that names something. */
export function name(description: string): Schema {
  return {
    description,
    anyOf: [
      { type: 'string' },
      { type: 'integer', minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER },
    ],
  };
}

/** A power of two of bytes. */
export function powerOfTwo(description: string): Schema {
  return { description, type: 'integer', enum: Array.from({ length: LARGEST_POWER + 1 }, (_, bit) => 2 ** bit) };
}

/** Page sizes: a list of bytes or one bitmap. */
export const PGSIZES: Schema = {
  description: 'Page sizes: a list of bytes, or one bitmap in hex (bit n set: 2^n bytes).',
  anyOf: [list('Bytes.', powerOfTwo('Bytes of a page.')), hex('A bitmap.')],
};

/** Protection of a map. */
export const PROT: Schema = {
  description: `Protection: letters of ${LETTERS} (read, write, cacheable, no-execute, mmio, privileged), or the integer of IOMMU_* bits.`,
  anyOf: [
    { type: 'string', pattern: `^(?:([${LETTERS}])(?!.*\\1))*$` },
    { type: 'integer', minimum: 0, maximum: 0xffffffff },
  ],
};

/** What a map may ask for. */
export const MAP_ARGUMENTS: Keys = {
  prot: optional(PROT),
  sh: optional(word('Shareability of the leaves; left out: as `prot` has it.', SHARE_NAMES)),
  attrIndex: optional({
    ...natural('Attribute index (0 to 7), or memory attribute of stage 2; left out: as `prot` has it.'),
    maximum: MOST_ATTRIBUTE,
  }),
  contig: optional(flag('Give aligned runs of leaves the contiguous hint.')),
  sw: optional({ ...natural('Software bits 58 to 56 of the leaves.'), maximum: MOST_SOFTWARE }),
};

export const RET = integer(
  'What the recorded call returned: 0 or a negative errno of a map, the bytes that an unmap removed.',
);
export const ID = text('Its id.');
export const IOVA = hex('First IOVA.');
export const PADDR = hex('First physical address.');
export const SIZE = natural('Bytes.');
export const DEPTH: Schema = { ...integer('The deepest level whose tables are reserved.', 1), maximum: 3 };

/** What every event may have. */
export const COMMON: Keys = {
  ts: optional(natural('Nanoseconds at which it began, on the clock of the trace.')),
  end: optional(natural('Nanoseconds at which it ended, not before `ts`.')),
  thread: optional(name('Thread that did it.')),
  queue: optional(name('Queue that it came from.')),
  waits: optional(list('Fences that it waits for before it begins.', name('Name of a fence.'))),
  signals: optional(list('Fences that are signalled when it has ended.', name('Name of a fence.'))),
  comment: optional(text('For the reader.')),
};

/** What events of one address space may have. */
export const IN_DOMAIN: Keys = {
  ...COMMON,
  domain: optional(text('Id of the address space; may be left out when the trace has one.')),
};

/** IOVAs from `start` to before `end`. */
export const ADDRESS_RANGE: Schema = object('A range of addresses.', {
  start: hex('The first.'),
  end: hex('The first behind it.'),
});

/** A piece of a buffer object. */
export const SEGMENT: Schema = object('Physically contiguous memory.', { paddr: PADDR, size: SIZE });

/** Memory in pages of one size. */
export const BACKING_PART: Schema = object('Memory in pages of one size.', {
  size: natural('Bytes.'),
  page: powerOfTwo('Bytes of a page.'),
});

/** A window that a nested address space begins with. */
export const NEST_WINDOW: Schema = object('A window.', {
  base: optional(hex('Where it is wanted; anywhere unless it says.')),
  size: natural('Bytes.'),
  pageSize: optional(powerOfTwo('Bytes that base and size are rounded to.')),
});

const BIND_OP_FIELDS: Keys = {
  iova: optional(IOVA),
  size: optional(SIZE),
  bo: optional(text('Id of the buffer object.')),
  offset: optional(natural('Bytes into the buffer object.')),
  flags: optional(natural("The driver's flags.")),
};

/** One operation of a VM_BIND ioctl. */
export const BIND_OP: Schema = {
  description: 'An operation of the job.',
  oneOf: [
    object('Map a part of a buffer object.', {
      kind: word('What to do.', ['map']),
      ...BIND_OP_FIELDS,
      iova: IOVA,
      size: SIZE,
      bo: text('Id of the buffer object.'),
    }),
    object('Unmap a range, or map it to nothing.', {
      kind: word('What to do.', ['unmap', 'map_null']),
      ...BIND_OP_FIELDS,
      iova: IOVA,
      size: SIZE,
    }),
    object('Only wait and signal.', { kind: word('What to do.', ['sync_only']), ...BIND_OP_FIELDS }),
  ],
};

/** Bits of an address. */
export function addressBits(description: string): Schema {
  return { ...integer(description, 1), maximum: 64 };
}
