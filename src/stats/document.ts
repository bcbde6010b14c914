import type { Json } from '../base/stable-json.ts';
import type { Finding } from '../replay/results/findings.ts';
import type { DmaOptions } from '../replay/windows/options.ts';
import type { ReservationOptions } from '../reservation/options.ts';
import type { ImportNotes } from '../trace/import/import-notes.ts';
import type { ContainerStats, RegionStats } from './container-list.ts';
import type { FlushPolicyStats } from './metrics/flush-metrics.ts';
import type { Counters } from './metrics/metric.ts';
import type { RangeStats } from './metrics/range-metrics.ts';
import type { SpaceMap } from './space-map.ts';
import type { Offender, Timeline } from './timeline.ts';

/** Name and version of the form of the statistics. */
export const STATS_SCHEMA = 'pgtrace.stats/1';

/** One address space in the statistics. */
export interface DomainStats {
  /** Id of the address space. */
  readonly id: string;
  /** Configuration as chosen; as asked for where the engine refused it. */
  readonly config: {
    /** Page-table format, or the driver whose own it is. */
    readonly format: string;
    /** Kernel whose engine is modelled. */
    readonly kernel: string;
    /** What an unmap of a part of a block did. */
    readonly partialUnmap: string;
    /** Bitmap of the page sizes, in hex (bit n set: 2^n bytes). */
    readonly pgsizes: string;
    /** Bits of an IOVA. */
    readonly ias: number;
    /** Bits of a physical address. */
    readonly oas: number;
    /** The table walker snoops the caches. */
    readonly coherent: boolean;
    /** Switches of the engine. */
    readonly quirks: readonly string[];
    /** Bytes of the smallest page. */
    readonly granule: number | null;
    /** Null, like the granule, when refused. */
    readonly startLevel: number | null;
    /** Of page tables in a driver's own format, by level: bytes that an entry stands for; null: no table, or tables that differ. */
    readonly entrySpans?: readonly (number | null)[];
  };
  /** Whose rules it followed. */
  readonly driver: string;
  /** Table allocator, as `NAME,k=v`. */
  readonly allocator: string;
  /** TLB flush policy, as `NAME,k=v`. */
  readonly flush: string;
  /** It was destroyed before the trace ended. */
  readonly destroyed: boolean;
  /** Why the engine refused the configuration; null when it did not. */
  readonly refused: string | null;
  /** Its counters by name. */
  readonly counters: Counters;
  /** Its IOVA reservations. */
  readonly reservations: readonly RangeStats[];
}

/** What one allocator, or one GPU driver, came to in a replay that compares several. */
export interface StrategyStats {
  /** Of a comparison of drivers. */
  readonly driver?: string;
  /** As `NAME,k=v`. */
  readonly allocator: string;
  /** Counters of all address spaces together, by name. */
  readonly counters: Counters;
  /** Each address space. */
  readonly domains: readonly DomainStats[];
  /** The first findings of each kind. */
  readonly findings: readonly Finding[];
  /** What happened along the way. */
  readonly timeline?: Timeline;
  /** Events that cost the most. */
  readonly offenders?: readonly Offender[];
}

/** The statistics of one replay: what `replay --json` prints and every reporter renders. */
export interface StatsDocument {
  /** Where several allocators or drivers were asked for: what each came to. Counters, domains and findings beside are the first's. */
  readonly strategies?: readonly StrategyStats[];
  /** Name and version of this form. */
  readonly schema: typeof STATS_SCHEMA;
  /** What wrote it. */
  readonly tool: {
    /** Its name. */
    readonly name: 'pgtrace';
    /** Its version, as in package.json. */
    readonly version: string;
  };
  /** What was read. */
  readonly trace: {
    /** What the input is, in words. */
    readonly format: string;
    /** Events replayed; an importer adds some of its own (trace, domain). */
    readonly events: number;
    /** Lines read. */
    readonly lines: number;
    /** Lines that could not be used and were left out. */
    readonly skippedLines: number;
    /** Maps whose protection the recording does not tell. */
    readonly protAssumed: number;
    /** The recording names no address spaces. */
    readonly domainAssumed: boolean;
    /** Jobs that were bound and never executed. */
    readonly jobsNeverRan: number;
    /** Line of the first event that contradicts those before it; 0: none. */
    readonly firstConflict: number;
    /** What an importer assumed and missed; null for the trace language. */
    readonly import: ImportNotes | null;
  };
  /** What it was replayed with. */
  readonly config: {
    /** Kernel whose engine was modelled; several, when the domains have their own, with a space between. */
    readonly kernel: string;
    /** What an unmap of a part of a block did. */
    readonly partialUnmap: string;
    /** The models as `NAME,k=v`; several, when the domains have their own, with a space between. */
    readonly allocator: string;
    /** The GPU driver whose rules were asked for instead of the domains' own; null: none was. */
    readonly driver: string | null;
    /** How requests were cut into pages; left out: as the IOMMU core does. */
    readonly pgsizePolicy?: string;
    /** Page-table engine behind IOMMU domains as `NAME,k=v`; left out: io-pgtable-arm. */
    readonly engine?: string;
    /** TLB flush policy, as `NAME,k=v`. */
    readonly flush: string;
    /** Whether each request or each task has a gather of its own. */
    readonly gather: string;
    /** What became of events that those before them contradict. */
    readonly onConflict: string;
    /** When operations run after their submission, as the options say it; null: at once. */
    readonly queue: string | null;
    /** Recycled table pages were zeroed. */
    readonly zero: boolean;
    /** Nodes of a maple tree of the VMAs were counted. */
    readonly maple: boolean;
    /** What reservations were made around; null: none were. */
    readonly reserveAround: string | null;
    /** How IOVA reservations behaved. */
    readonly reservations: ReservationOptions;
    /** How repeat mappings were made, where that was not as usual: with shared tables, say. */
    readonly repeat?: string;
    /** What was asked for instead of the domains' own configuration. */
    readonly overrides: Readonly<Record<string, Json>>;
    /** How DMA windows and nested address spaces behave; where the trace has some, or options say so. */
    readonly dma?: DmaOptions;
  };
  /** The trace was read to its end. */
  readonly complete: boolean;
  /** The user ended the replay before: the counters are of the events until then. */
  readonly interrupted?: true;
  /** Counters of all address spaces together, by name; `pgtrace schema stats` tells the unit of each. */
  readonly counters: Counters;
  /** Each address space, in the order of creation. */
  readonly domains: readonly DomainStats[];
  /** The first findings of each kind; `counters` holds how many there are. */
  readonly findings: readonly Finding[];
  /** What each flush policy came to, where several were asked for, or one that acts on whole operations. */
  readonly flushPolicies?: readonly FlushPolicyStats[];
  /** Containers and registered memory at the end, where the trace has requests to containers. */
  readonly containers?: readonly ContainerStats[];
  /** Registered memory at the end. */
  readonly regions?: readonly RegionStats[];
  /** What happened along the way, where that was asked for. */
  readonly timeline?: Timeline;
  /** Events that cost the most, the most of each metric first; beside a timeline. */
  readonly offenders?: readonly Offender[];
  /** What the address spaces looked like at one event, where that was asked for. */
  readonly maps?: readonly SpaceMap[];
}
