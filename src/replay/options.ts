import type { ModelChoice } from '../base/model.ts';
import type { Driver, Format, Kernel, PartialUnmap } from '../base/vocabulary.ts';
import type { CheckOptions } from '../check/options.ts';
import type { PgsizePolicy } from '../iommu/page-size.ts';
import { DEFAULT_RESERVATION_OPTIONS, type ReservationOptions } from '../reservation/options.ts';
import type { RequiredRange } from '../trace/events.ts';
import type { QueueOptions } from './queue/queue-options.ts';
import { DEFAULT_REPEAT_OPTIONS, type RepeatOptions } from './repeats/options.ts';
import type { DmaOptions } from './windows/options.ts';

export const CONFLICT_POLICIES = ['skip', 'implicit-unmap', 'fail'] as const;
/**
 * What becomes of a request that cannot have succeeded as recorded, because events before it were lost: a map over what is
 * live, an unmap of what is not. `skip`: it is left out. `implicit-unmap`: what is in its way is unmapped first; what is
 * left of an unmap is done. `fail`: the reading stops there.
 */
export type ConflictPolicy = (typeof CONFLICT_POLICIES)[number];

export const DEFAULT_CONFLICT_POLICY: ConflictPolicy = 'implicit-unmap';

/** Overrides of what the trace says about its domains; undefined keeps the trace's word. */
export interface DomainOverrides {
  readonly format?: Format;
  readonly pgsizes?: number;
  readonly ias?: number;
  readonly oas?: number;
  readonly quirks?: readonly string[];
  readonly coherent?: boolean;
  readonly cpuPageSize?: number;
  /** IOVAs that each domain needs. */
  readonly require?: readonly RequiredRange[];
}

export const DEFAULT_ALLOCATOR: ModelChoice = { name: 'kernel', parameters: {} };
export const DEFAULT_FLUSH: ModelChoice = { name: 'none', parameters: {} };
export const DEFAULT_ENGINE: ModelChoice = { name: 'arm', parameters: {} };

export interface ReplayOptions {
  /** Null: the trace's own kernel, else 7.1. */
  readonly kernel: Kernel | null;
  /** Null: what the kernel does. */
  readonly partialUnmap: PartialUnmap | null;
  /** Null: what each domain event says, else the default. */
  readonly allocator: ModelChoice | null;
  readonly flush: ModelChoice | null;
  /** Flush policies to study side by side, `flush` the first of them. Left out: `flush` alone, studied where it has to be. */
  readonly flushes?: readonly ModelChoice[];
  /** Null: each domain's own. */
  readonly driver: Driver | null;
  /** Count what a maple tree of the VMAs would preallocate. */
  readonly maple: boolean;
  /** When operations run after their submission; null: at once. */
  readonly queue: QueueOptions | null;
  /** False: recycled table pages keep what they held. */
  readonly zero: boolean;
  readonly reservations: ReservationOptions;
  /** How repeat mappings are made. Left out: with tables of their own. */
  readonly repeat?: RepeatOptions;
  /** IOVA reservations that the trace does not name: around each mapped area. */
  readonly reserveAround: 'areas' | null;
  readonly overrides: DomainOverrides;
  /** One gather per unmap request, or one for neighbouring unmaps of one task (a VFIO ioctl). */
  readonly gather: 'request' | 'task';
  readonly onConflict: ConflictPolicy;
  /** Replays at a time in this process, which divide its memory. */
  readonly sharers: number;
  /** Stop after the event with this number; null: replay all. */
  readonly until: number | null;
  /** How requests of IOMMU domains are cut into pages. Left out: as the IOMMU core does. */
  readonly pgsizePolicy?: PgsizePolicy;
  /** Page-table engine behind IOMMU domains; null or left out: io-pgtable-arm. */
  readonly engine?: ModelChoice | null;
  /** Count what operations cost in descriptors. Left out: false. */
  readonly metered?: boolean;
  /** How DMA windows and nested address spaces behave. Left out: as intended, in software. */
  readonly dma?: DmaOptions;
  /** Hold the operations of the trace against each other: what is found are findings. Null or left out: no. */
  readonly checks?: CheckOptions | null;
  /** Note what it came to along the way, and which events cost the most. Left out: false. */
  readonly timeline?: boolean;
}

/** What a replay does when nobody says otherwise. */
export const DEFAULT_REPLAY_OPTIONS: ReplayOptions = {
  kernel: null,
  partialUnmap: null,
  allocator: null,
  flush: null,
  driver: null,
  maple: false,
  queue: null,
  zero: true,
  reservations: DEFAULT_RESERVATION_OPTIONS,
  repeat: DEFAULT_REPEAT_OPTIONS,
  reserveAround: null,
  overrides: {},
  gather: 'request',
  onConflict: DEFAULT_CONFLICT_POLICY,
  sharers: 1,
  until: null,
  timeline: false,
};
