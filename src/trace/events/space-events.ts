import type { Driver, Format } from '../../base/vocabulary.ts';
import type { DomainEventBase, EventBase, Hex } from './event-base.ts';

/*
 * Events about the trace and about whole address spaces.
 */

/** What the trace is; the first line, if there is one. */
export interface TraceEvent extends EventBase {
  /** The operation. */
  readonly op: 'trace';
  /** Version of the trace language. */
  readonly version: 1;
  /** Where the events come from, in words. */
  readonly source?: string;
  /** A kernel version such as `6.12` or `7.1.3`. */
  readonly kernel?: string;
  /** Name of the clock of `ts` and `end`. */
  readonly clock?: string;
  /** Anything; an import leaves its notes here. */
  readonly meta?: unknown;
}

/** A half-open range of addresses. */
export interface RequiredRange {
  /** The first address. */
  readonly start: Hex;
  /** The first address behind the range. */
  readonly end: Hex;
}

/** Creates an address space. What is left out is taken from the command line, else as said here. */
export interface DomainEvent extends EventBase {
  /** The operation. */
  readonly op: 'domain';
  /** Its id, by which events name it. */
  readonly id: string;
  /** Page-table format; `ARM_64_LPAE_S1` unless it says. */
  readonly format?: Format;
  /** A list of bytes, or one bitmap in hex. */
  readonly pgsizes?: readonly number[] | Hex;
  /** Bits of an IOVA, 1 to 64; 48 unless it says. */
  readonly ias?: number;
  /** Bits of a physical address, 1 to 64; 48 unless it says. */
  readonly oas?: number;
  /** The table walker snoops the caches; true unless it says. */
  readonly coherent?: boolean;
  /** Names the engine does not know are refused by the engine, not by the reader. */
  readonly quirks?: readonly string[];
  /** Bytes of a page of the CPU; 4096 unless it says. */
  readonly cpuPageSize?: number;
  /** Whose rules it follows; `iommu` unless it says. */
  readonly driver?: Driver;
  /** It holds a hardware slot, so that changes cost hardware events; true unless it says. */
  readonly resident?: boolean;
  /** TLB flush policy, as `NAME,k=v`; `none` unless it says. */
  readonly flush?: string;
  /** Table allocator, as `NAME,k=v`; `kernel` unless it says. */
  readonly allocator?: string;
  /** Ranges of IOVAs that must be mappable. */
  readonly require?: readonly RequiredRange[];
  /** Address of the first simulated table page, and the least that one occupies. */
  readonly tableBase?: Hex;
  /** Bytes that a simulated table page occupies at least. */
  readonly tableMin?: number;
}

/** Ends an address space. */
export interface DestroyEvent extends EventBase {
  /** The operation. */
  readonly op: 'destroy';
  /** Id of the address space; may be left out when the trace has one. */
  readonly domain?: string;
}

/** Makes one table allocation to come fail. */
export interface FailAllocEvent extends DomainEventBase {
  /** The operation. */
  readonly op: 'fail_alloc';
  /** 1: the next table allocation fails. */
  readonly nth: number;
}
