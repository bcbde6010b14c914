import { constant, flag, hex, integer, list, optional, text, word } from '../../base/json-schema.ts';
import { DRIVERS, FORMATS } from '../../base/vocabulary.ts';
import { LANGUAGE_VERSION } from '../events.ts';
import type { EventShape } from './event-shape.ts';
import { ADDRESS_RANGE, addressBits, COMMON, ID, IN_DOMAIN, PGSIZES, powerOfTwo } from './fields.ts';

/** Events about the trace and its address spaces. */
export const SPACE_EVENTS = {
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
  destroy: ['Ends an address space.', IN_DOMAIN],
  fail_alloc: [
    'Makes a table allocation fail.',
    { ...IN_DOMAIN, nth: integer('1: the next table allocation fails.', 1) },
  ],
} as const satisfies Readonly<Record<string, EventShape>>;
