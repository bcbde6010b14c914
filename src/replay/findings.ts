/** What a replay holds against a trace, a recording or a driver. */
export const FINDING_KINDS = {
  'return-mismatch': 'the recording returned something else than the model',
  expectation: 'a look-up did not give what the trace expects',
  'pgd-overrun': 'a run goes past the end of a start table smaller than a page; the kernel would touch foreign memory',
  'undefined-lookup': 'the kernel answers this look-up from an uninitialised variable',
  'split-without-gather': 'a block was split for a caller without gather; SMMUv3 would crash',
} as const;

export type FindingKind = keyof typeof FINDING_KINDS;

export interface Finding {
  readonly kind: FindingKind;
  /** Number of the event, from 0. */
  readonly seq: number;
  /** Line of the input, from 1. */
  readonly line: number;
  readonly domain: string;
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
}
