import {
  constant,
  flag,
  natural,
  nullable,
  object,
  reference,
  type Schema,
  schemaDocument,
  text,
} from '../base/json-schema.ts';
import { countersSchema } from '../stats/schema/counters-schema.ts';
import { CONFIG_TYPES, type ConfigKey } from './cell-config.ts';
import { ROW_SCHEMA } from './row.ts';

/** What a configuration holds: the option of `pgtrace replay` that each key stands for, in words. */
const CONFIG_HELP: Readonly<Record<ConfigKey, string>> = {
  allocator: 'Table allocator as NAME,k=v.',
  blockPolicy: 'A map of a block where a pinned table stands.',
  boundary: 'Which empty tables may be freed.',
  domainBy: 'What tells address spaces of a recording apart.',
  driver: 'GPU driver whose rules binds follow.',
  fieldMap: 'Field names of key=value lines, ours=theirs.',
  flush: 'TLB flush policy as NAME,k=v.',
  freeEmpty: 'When unmaps and unreserves free empty tables.',
  gather: 'One gather for each unmap request, or for a run of one task.',
  granule: 'The smallest of the page sizes asked for.',
  ias: 'Bits of an IOVA.',
  kernel: 'Kernel that is modelled.',
  layer: 'Raw calls or requests of a recording.',
  lenient: 'Lines that cannot be used are left out.',
  maple: 'Nodes of a maple tree of the VMAs are counted.',
  noncoherent: 'The table walker does not snoop the caches.',
  oas: 'Bits of a physical address.',
  onConflict: 'What becomes of events that contradict those before them.',
  overTable: 'Leaves below a table that a block is to replace.',
  partialUnmap: 'What an unmap of a part of a block does.',
  pgsizePolicy: 'How requests are cut into pages.',
  pgsizes: 'Bitmap of page sizes in hex.',
  pgtable: 'Page-table format.',
  queue: 'When operations run after their submission.',
  quirks: 'Quirks that are on, with commas between.',
  rcu: 'How freed tables wait for readers.',
  rcuLatency: 'The least that freed tables wait.',
  reserveAround: 'IOVA reservations that the trace does not name.',
  reserveOverBlock: 'A reserve of a range where a block is mapped.',
  singleDomain: 'Requests that name no address space go into one.',
  unpark: 'When a table that was set aside comes back.',
  unwrap: 'Lines that a mail program wrapped are joined.',
  zero: 'Recycled table pages are zeroed.',
};

const TYPES = { STRING: 'string', INT64: 'integer', BOOLEAN: 'boolean' } as const;
const DIGITS = (count: number): Schema => ({ pattern: `^[0-9a-f]{${count}}$` });

/** The schema of one line of `pgtrace sweep`. */
export function rowSchema(): Schema {
  const config = Object.fromEntries(
    Object.entries(CONFIG_TYPES).map(([key, type]) => [
      key,
      nullable({ description: `${CONFIG_HELP[key as ConfigKey]} Null: as the trace says.`, type: TYPES[type] }),
    ]),
  );
  const root = object('One row of `pgtrace sweep`: what one replay of one trace in one configuration came to.', {
    schema: constant('Kind and version of the row; keys may be added within a version.', ROW_SCHEMA),
    id: { ...text('Job id: a hash of the trace, the configuration and the version.'), ...DIGITS(16) },
    engine: text('Version of pgtrace that counted.'),
    trace: object('The trace.', {
      name: text('Path in the folder that was swept.'),
      sha256: { ...text('SHA-256 of its bytes as stored.'), ...DIGITS(64) },
      bytes: natural('Bytes as stored.'),
      events: natural('Events replayed; of a row that failed, those before the failure.'),
    }),
    config: object('Everything that decides what the replay came to.', config, {
      additionalProperties: {
        description: 'A setting of a later version.',
        anyOf: ['string', 'integer', 'boolean', 'null'].map((type) => ({ type })),
      },
    }),
    complete: flag('The trace was replayed to its end.'),
    exit: natural('Exit code that a replay alone would have had; 0 when complete.'),
    error: nullable(text('Why it is not complete; null when it is.')),
    counters: reference('counters', 'What it came to; empty unless complete.'),
  });
  return schemaDocument(ROW_SCHEMA, 'A row of a sweep', root, { counters: countersSchema() });
}
