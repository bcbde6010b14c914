import { hex64 } from '../../base/u64.ts';
import { CHECK_RULES, type CheckRule, LEVELS, type Level } from '../../check/rules.ts';

const CHECKED = Object.fromEntries(Object.entries(CHECK_RULES).map(([kind, { what }]) => [kind, what])) as Readonly<
  Record<CheckRule, string>
>;

/** What a replay holds against a trace, a recording or a driver. */
export const FINDING_KINDS = {
  'return-mismatch': 'the recording returned something else than the model',
  expectation: 'a look-up did not give what the trace expects',
  'pgd-overrun': 'a run goes past the end of a start table smaller than a page; the kernel would touch foreign memory',
  'undefined-lookup': 'the kernel answers this look-up from an uninitialised variable',
  'split-without-gather': 'a block was split for a caller without gather; SMMUv3 would crash',
  steal: 'a page reserved for one operation was taken by another',
  'under-reservation': 'an operation needed more tables than were reserved for it',
  guarantee: 'a map inside an IOVA reservation allocated a table',
  'ctx-overlap': 'two operations ran at once in one address space, whose allocator knows one running operation only',
  'run-allocation': 'an asynchronous job asked for memory while it ran, where memory reclaim may wait for it',
  'vm-unusable': 'the driver gave up the address space: user space has to make a new one',
  overtaken: 'a synchronous operation ran before an asynchronous one that was submitted earlier and meets its range',
  'out-of-order': 'a job ran before one that was submitted earlier, although the driver keeps their order',
  'false-success': 'the driver reports a map as done of which a part is not mapped',
  'null-dereference': 'the driver follows a null pointer; the kernel would crash',
  'use-after-free': 'a table was freed while a reader could still walk through it',
  'window-overrun': 'a request reaches beyond its DMA window; the kernel would write behind the table',
  'lost-mapping': 'a map that failed took TCEs away that were there before it',
  'leaked-accounting': 'memory stays charged for tables of a window that was refused',
  'leaked-region': 'registered memory stays pinned and accounted, with nobody to give it back',
  'repeat-leak': 'a failed repeat mapping left memory mapped that nobody knows of',
  'stale-walk': 'a flush policy let a table be freed, or be used again, while walk caches could lead to it',
  'stale-iova': 'under a flush policy an IOVA was mapped again before its old translation was invalidated',
  'stale-pages': 'under a flush policy pages were mapped while an old translation of another IOVA could reach them',
  ...CHECKED,
} as const;

/** Name of what a finding is about, such as `return-mismatch` or `steal`; FINDING_KINDS says what each means. */
export type FindingKind = keyof typeof FINDING_KINDS;

/** Promises of an allocator or of a reservation that did not hold: the answer to "is it safe?", fatal under --strict. */
export const VIOLATIONS: ReadonlySet<string> = new Set<FindingKind>([
  'steal',
  'under-reservation',
  'guarantee',
  'ctx-overlap',
  'run-allocation',
  'use-after-free',
  'stale-walk',
  'stale-iova',
  'stale-pages',
]);

/** An event as a finding tells it. */
export interface FindingEvent {
  /** Number of the event, from 0. */
  readonly seq: number;
  /** Line of the input, from 1. */
  readonly line: number;
  /** Name of the operation. */
  readonly op: string;
  /** Thread that did it. */
  readonly thread?: string;
  /** Queue that it came from. */
  readonly queue?: string;
  /** First IOVA, in hex. */
  readonly iova?: string;
  /** Bytes, 2^53 - 1 at most: the page size of a raw call times its count may be more. */
  readonly size?: number;
  /** Nanoseconds at which it began. */
  readonly ts?: number;
  /** Nanoseconds at which it ended. */
  readonly end?: number;
}

/** Something that is wrong: an answer that differs from the recording or the expectation, or a broken promise. */
export interface Finding {
  /** What it is about. */
  readonly kind: FindingKind;
  /** Number of the event, from 0. */
  readonly seq: number;
  /** Line of the input, from 1. */
  readonly line: number;
  /** Id of the address space. */
  readonly domain: string;
  /** IOVAs that it is about. */
  readonly range?: {
    /** The first, in hex. */
    readonly iova: string;
    /** Bytes. */
    readonly size: number;
  };
  /** What is wrong, in words. */
  readonly message: string;
  /** How bad it is, where a check has found it. */
  readonly level?: Level;
  /** The time that it is about, in nanoseconds. */
  readonly window?: {
    /** Nanoseconds, on the clock of the trace. */
    readonly from: number;
    /** Nanoseconds, on the clock of the trace. */
    readonly to: number;
  };
  /** The event, and the one before it that it collides with. */
  readonly events?: readonly FindingEvent[];
}

/** Kept per kind; the rest is counted only. */
export const FINDINGS_KEPT = 50;

/** Collects findings: the first of each kind, and how many there were. */
export class Findings {
  readonly list: Finding[] = [];
  readonly counts = new Map<FindingKind, number>();
  /** How many of a kind there were of each level, in the order of LEVELS; of those with levels of their own. */
  readonly levels = new Map<FindingKind, number[]>();

  add(finding: Finding): void {
    if (this.count(finding.kind)) this.keep(finding);
  }

  /** Counts one; true when it is to be kept in words, too: the first of each kind and level are. */
  count(kind: FindingKind, level: Level | null = null): boolean {
    const count = (this.counts.get(kind) ?? 0) + 1;
    this.counts.set(kind, count);
    if (level === null) return count <= FINDINGS_KEPT;
    let levels = this.levels.get(kind);
    if (levels === undefined) {
      levels = LEVELS.map(() => 0);
      this.levels.set(kind, levels);
    }
    return ++levels[LEVELS.indexOf(level)] <= FINDINGS_KEPT;
  }

  /** Keeps one that has been counted. */
  keep(finding: Finding): void {
    this.list.push(finding);
  }

  /** Notes a broken promise about `size` bytes from an IOVA; 0 where the range is not known. */
  broken(
    kind: FindingKind,
    domain: string,
    seq: number,
    line: number,
    hi: number,
    lo: number,
    size: number,
    message: string,
  ): void {
    const range = size === 0 ? {} : { range: { iova: hex64(hi, lo), size } };
    this.add({ kind, seq, line, domain, ...range, message });
  }
}
