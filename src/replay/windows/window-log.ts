import { hexHi, hexLo } from '../../base/u64.ts';
import type { Batch } from '../../trace/batch.ts';
import type * as E from '../../trace/events.ts';
import type { Container } from '../../window/tce/container.ts';
import type { Mm } from '../../window/tce/memory/mm.ts';
import type { WindowSystem } from '../../window/tce/system.ts';
import type { FindingKind, Findings } from '../results/findings.ts';
import type { ResultLines } from '../results/result-lines.ts';

/** The event at hand. */
export interface Place {
  readonly batch: Batch;
  readonly i: number;
  readonly seq: number;
}

/** What requests to containers answered, and what is held against them. */
export class WindowLog {
  /** Requests by op, and failed ones by errno. */
  readonly ops = new Map<string, number>();
  readonly errors = new Map<number, number>();
  /** Requests that only this hardware knows, and those of them that stay when the range is given at creation. */
  hardwareOps = 0;
  remainingOps = 0;
  /** Containers through which something has been mapped. */
  readonly mapped = new Set<Container>();
  readonly results: ResultLines | null;
  readonly #findings: Findings;

  constructor(results: ResultLines | null, findings: Findings) {
    this.results = results;
    this.#findings = findings;
  }

  /** Writes the line of a request: what it answered, and what its process has locked then. */
  answer(event: E.WindowEvent, container: Container, mm: Mm, ret: number, rest: string, { seq }: Place): void {
    if (ret < 0) this.errors.set(ret, (this.errors.get(ret) ?? 0) + 1);
    if (this.results === null) return;
    const name = JSON.stringify(container.id);
    this.results.plain(seq, event.op, `,"container":${name},"ret":${ret}${rest},"locked":${mm.lockedVm}`);
  }

  /** A request that only this hardware knows; before the first map, a required range given at creation stands for it. */
  hardware(container: Container): void {
    this.hardwareOps++;
    if (this.mapped.has(container)) this.remainingOps++;
  }

  /** Notes what is wrong with a request, about bus addresses where `iova` is one. */
  find(
    kind: FindingKind,
    container: Container,
    { batch, i, seq }: Place,
    iova: string | null,
    size: number,
    message: string,
  ): void {
    const hi = iova === null ? 0 : hexHi(iova);
    const lo = iova === null ? 0 : hexLo(iova);
    this.#findings.broken(kind, container.id, seq, batch.line[i], hi, lo, size, message);
  }
}

/** Regions that no container lists. */
export function leakedRegions({ mms }: WindowSystem): number {
  let count = 0;
  for (const { regions } of mms.values()) for (const { owners } of regions) if (owners === 0) count++;
  return count;
}
