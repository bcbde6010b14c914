import { bytes, type Check, count, hex, listOf, may, must, oneOf, powerOfTwo, shape, text } from './checks.ts';

/*
 * Checks of the objects that lie within fields: ranges, pieces of memory, operations of a job, windows of a nest.
 */

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

/** One operation of a VM_BIND ioctl, with all that its kind needs. */
export const bindOp: Check = (value) => {
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

/** Ranges of IOVAs, from `start` to before `end`. */
export const ranges: Check = listOf(RANGE, 'ranges');

const SEGMENT = shape({ paddr: must(hex), size: must(bytes) }, 'a segment {"paddr","size"}');

/** The memory of a buffer object: physically contiguous pieces, in order. */
export const segments: Check = listOf(SEGMENT, 'segments');

const BACKING_PART = shape({ size: must(bytes), page: must(powerOfTwo) }, 'a part {"size","page"}');
const BACKING_PARTS = listOf(BACKING_PART, 'parts {"size","page"}');

/** Pages behind memory of a process: of one size, or part by part. */
export const backing: Check = (value) =>
  typeof value === 'number' ? powerOfTwo(value) : Array.isArray(value) ? BACKING_PARTS(value) : BACKING;
const BACKING = 'a power of two, in bytes, or a list of parts {"size","page"}';

const NEST_WINDOW = shape({ base: may(hex), size: must(bytes), pageSize: may(powerOfTwo) }, 'a window {"size"}');

/** Windows that a nested address space begins with. */
export const nestWindows: Check = listOf(NEST_WINDOW, 'windows');
