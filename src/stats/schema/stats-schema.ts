import {
  constant,
  flag,
  hex,
  integer,
  list,
  natural,
  nullable,
  object,
  optional,
  reference,
  type Schema,
  schemaDocument,
  text,
  word,
} from '../../base/json-schema.ts';
import { FORMATS, GPU_DRIVERS, QUIRKS } from '../../base/vocabulary.ts';
import { PGSIZE_POLICIES } from '../../iommu/page-size.ts';
import { BLOCK_POLICIES, OVER_TABLE, UNPARK } from '../../lpae/pinning/pinning.ts';
import { CONFLICT_POLICIES } from '../../replay/options.ts';
import { FINDING_KINDS } from '../../replay/results/findings.ts';
import { BOUNDARY_RULES, FREE_EMPTY, RCU_MODES, RESERVE_OVER_BLOCK } from '../../reservation/options.ts';
import { ADDRESS_RANGE } from '../../trace/schema/fields.ts';
import { NESTINGS, PARENT_UNMAPS } from '../../window/nested/options.ts';
import { UNREGISTER_MODES } from '../../window/tce/options.ts';
import { STATS_SCHEMA } from '../document.ts';
import { findingSchema, OFFENDER_SCHEMA, SPACE_MAP_SCHEMA, TIMELINE_SCHEMA } from './along-the-way.ts';
import { CONTAINER_SCHEMA, REGION_SCHEMA } from './container-schema.ts';
import { countersSchema } from './counters-schema.ts';
import { DOMAIN_SCHEMA, RESERVATION_SCHEMA } from './domain-schema.ts';
import { IMPORT_SCHEMA } from './import-schema.ts';

/** Which pgtrace made a document. */
export const TOOL_SCHEMA: Schema = object('What made the document.', {
  name: constant('Always pgtrace.', 'pgtrace'),
  version: text('Its version.'),
});

const TRACE: Schema = object('The trace that was replayed.', {
  format: text('Format of the input.'),
  events: natural('Events replayed; an importer adds some of its own (trace, domain).'),
  lines: natural('Lines read; of binary recordings events.'),
  skippedLines: natural('Lines left out under --lenient.'),
  protAssumed: natural('Events without protection bits, which were given read, write, cacheable.'),
  domainAssumed: flag('Events came before any domain was declared, so that one was assumed.'),
  jobsNeverRan: natural('Jobs that were bound and never executed.'),
  firstConflict: natural('Line of the first event that contradicts those before it; 0: none.'),
  import: nullable(IMPORT_SCHEMA),
});

const RESERVATIONS: Schema = object('Policies of IOVA reservations.', {
  blockPolicy: word('A map of a block where a pinned table stands.', BLOCK_POLICIES),
  overTable: word('Leaves below a table that a block is to replace.', OVER_TABLE),
  unpark: word('When a table that was set aside comes back.', UNPARK),
  overBlock: word('A reserve of a range where a block is mapped.', RESERVE_OVER_BLOCK),
  boundary: word('Which empty tables may be freed.', BOUNDARY_RULES),
  freeEmpty: word('When unmaps and unreserves free empty tables.', FREE_EMPTY),
  rcu: word('How freed tables wait for readers.', RCU_MODES),
  rcuLatency: natural('The least time that a freed table waits.'),
  rcuLatencyUnit: word('Events, or nanoseconds of the trace.', ['ops', 'ns']),
});

const OVERRIDES: Schema = object('What the command line says about domains instead of the trace.', {
  format: optional(word('Page-table format.', FORMATS)),
  pgsizes: optional(hex('Bitmap of page sizes.')),
  ias: optional(integer('Bits of an IOVA.', 1)),
  oas: optional(integer('Bits of a physical address.', 1)),
  quirks: optional(list('Quirks that are on.', word('A quirk.', QUIRKS))),
  coherent: optional(flag('False: the table walker does not snoop the caches.')),
  cpuPageSize: optional(integer('Bytes of a page of the CPU.', 1)),
  require: optional(list('IOVAs that each domain needs.', ADDRESS_RANGE)),
});

const DMA: Schema = object('How DMA windows and nested address spaces behave.', {
  fixLeaks: flag('False: a window that is refused keeps its charge, as upstream.'),
  unregister: word('What live TCEs do to a request to give memory back.', UNREGISTER_MODES),
  nesting: word('Who follows maps of a child through its parent.', NESTINGS),
  parentUnmap: word('An unmap of what children refer to.', PARENT_UNMAPS),
});

const CONFIG: Schema = object('What the trace was replayed with.', {
  kernel: text('Kernel that is modelled; several, when the domains have their own, with a space between.'),
  partialUnmap: text('What an unmap of a part of a block does; several with a space between.'),
  allocator: text('Table allocators as NAME,k=v; several with a space between.'),
  driver: nullable(
    word("GPU driver whose rules were asked for instead of the domains' own; null: none was.", GPU_DRIVERS),
  ),
  repeat: optional(text('How repeat mappings were made, as its options say it; left out: with tables of their own.')),
  pgsizePolicy: optional(word('How requests were cut into pages; left out: as the IOMMU core does.', PGSIZE_POLICIES)),
  engine: optional(text('Page-table engine behind IOMMU domains as NAME,k=v; left out: io-pgtable-arm.')),
  flush: text('TLB flush policies as NAME,k=v; several with a space between.'),
  gather: word("One gather for each unmap request, or for a run of one task's.", ['request', 'task']),
  onConflict: word('What becomes of events that contradict those before them.', CONFLICT_POLICIES),
  queue: nullable(text('When operations run after their submission; null: at once.')),
  zero: flag('False: recycled table pages keep what they held.'),
  maple: flag('Nodes that a maple tree of the VMAs would preallocate were counted.'),
  reserveAround: nullable(word('IOVA reservations that the trace does not name.', ['areas'])),
  reservations: RESERVATIONS,
  overrides: OVERRIDES,
  dma: optional(DMA),
});

const OPTIONAL_PARTS = {
  timeline: optional(reference('timeline', 'What happened along the way, where that was asked for.')),
  offenders: optional(list('Events that cost the most; beside a timeline.', reference('offender', 'One of them.'))),
};

const STRATEGY: Schema = object('What one allocator, or one GPU driver, came to.', {
  driver: optional(word('Of a comparison of drivers.', GPU_DRIVERS)),
  allocator: text('Table allocator as NAME,k=v.'),
  counters: reference('counters', 'Counters of all address spaces.'),
  domains: list('Address spaces.', reference('domain', 'One of them.')),
  findings: list('The first findings of each kind.', reference('finding', 'One of them.')),
  ...OPTIONAL_PARTS,
});

const FLUSH_POLICY: Schema = object('What one flush policy came to, over all address spaces.', {
  policy: text('TLB flush policy as NAME,k=v.'),
  counters: reference('counters', 'Its counters, `flush.` and on.'),
  verdict: nullable(
    word('Whether tables, IOVAs or pages were used again before they were invalidated; null: it is not judged.', [
      'safe',
      'unsafe',
    ]),
  ),
  findings: list('The first findings of each kind.', reference('finding', 'One of them.')),
});

/** The schema of what `pgtrace replay --json` prints. */
export function statsSchema(): Schema {
  const root = object('Statistics of one replay, as `pgtrace replay --json` prints them.', {
    schema: constant('Kind and version of the document; keys may be added within a version.', STATS_SCHEMA),
    tool: TOOL_SCHEMA,
    trace: TRACE,
    config: CONFIG,
    complete: flag('The trace was replayed to its end.'),
    interrupted: optional(flag('True: the user ended the replay before; the counters are of the events until then.')),
    counters: reference(
      'counters',
      'Counters of all address spaces; of several allocators or drivers those of the first.',
    ),
    domains: list('Address spaces in the order of their declaration.', reference('domain', 'One of them.')),
    findings: list(
      'The first findings of each kind; `counters` holds how many there are.',
      reference('finding', 'One of them.'),
    ),
    strategies: optional(
      list(
        'Where several allocators or drivers were asked for: what each came to.',
        reference('strategy', 'One of them.'),
      ),
    ),
    flushPolicies: optional(
      list(
        'What each flush policy came to, where several were asked for, or one that acts on whole operations.',
        reference('flushPolicy', 'One of them.'),
      ),
    ),
    containers: optional(
      list('Containers at the end, where the trace has requests to some.', reference('container', 'One of them.')),
    ),
    regions: optional(list('Memory registered at the end, beside them.', reference('region', 'One of them.'))),
    ...OPTIONAL_PARTS,
    maps: optional(
      list(
        'What the address spaces looked like at one event, where that was asked for.',
        reference('spaceMap', 'One of them.'),
      ),
    ),
  });
  return schemaDocument(STATS_SCHEMA, 'Statistics of a replay of page-table operations', root, {
    container: CONTAINER_SCHEMA,
    counters: countersSchema(),
    domain: DOMAIN_SCHEMA,
    finding: findingSchema(FINDING_KINDS),
    flushPolicy: FLUSH_POLICY,
    offender: OFFENDER_SCHEMA,
    region: REGION_SCHEMA,
    reservation: RESERVATION_SCHEMA,
    spaceMap: SPACE_MAP_SCHEMA,
    strategy: STRATEGY,
    timeline: TIMELINE_SCHEMA,
  });
}
