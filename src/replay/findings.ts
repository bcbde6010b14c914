import { hex64 } from '../base/u64.ts';

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
} as const;

export type FindingKind = keyof typeof FINDING_KINDS;

/** Promises of an allocator or of a reservation that did not hold: the answer to "is it safe?", fatal under --strict. */
export const VIOLATIONS: ReadonlySet<string> = new Set<FindingKind>([
  'steal',
  'under-reservation',
  'guarantee',
  'ctx-overlap',
  'run-allocation',
  'use-after-free',
]);

export interface Finding {
  readonly kind: FindingKind;
  /** Number of the event, from 0. */
  readonly seq: number;
  /** Line of the input, from 1. */
  readonly line: number;
  readonly domain: string;
  /** IOVAs that it is about. */
  readonly range?: { readonly iova: string; readonly size: number };
  readonly message: string;
}

/** Kept per kind; the rest is counted only. */
export const FINDINGS_KEPT = 50;

/** Collects findings: the first of each kind, and how many there were. */
export class Findings {
  readonly list: Finding[] = [];
  readonly counts = new Map<FindingKind, number>();

  add(finding: Finding): void {
    const count = (this.counts.get(finding.kind) ?? 0) + 1;
    this.counts.set(finding.kind, count);
    if (count <= FINDINGS_KEPT) this.list.push(finding);
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
