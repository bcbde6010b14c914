import { flag, hex, type Keys, list, natural, optional, type Schema, text, word } from '../../base/json-schema.ts';
import { FORMATS } from '../../base/vocabulary.ts';
import { ATTACH_ACTIONS } from '../events.ts';
import { type EventShape, without } from './event-shape.ts';
import {
  ADDRESS_RANGE,
  addressBits,
  BACKING_PART,
  COMMON,
  ID,
  IOVA,
  NEST_WINDOW,
  PGSIZES,
  PROT,
  powerOfTwo,
  SIZE,
} from './fields.ts';

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

/** Events about DMA windows, registered memory, devices and nests. */
export const WINDOW_EVENTS = {
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
} as const satisfies Readonly<Record<string, EventShape>>;
