import { hexHi, hexLo } from '../../base/u64.ts';
import { type Batch, NONE } from '../../trace/batch.ts';
import type * as E from '../../trace/events.ts';
import type { Checks } from '../checks/checks.ts';
import { checkOverlap } from '../ranges/context-check.ts';
import type { RangeEvents } from '../ranges/range-events.ts';
import type { Findings } from '../results/findings.ts';
import type { AddressSpace } from '../spaces/address-space.ts';
import type { SpaceDirectory } from '../spaces/space-directory.ts';
import type { OperableSpaces } from './operable-spaces.ts';

/** What events about IOVA reservations need of the replay around them. */
export interface RangeOperationParts {
  readonly directory: SpaceDirectory;
  readonly operable: OperableSpaces;
  readonly ranges: RangeEvents;
  readonly findings: Findings;
  /** Holds operations against each other; null: nobody does. */
  readonly checks: Checks | null;
  /** Operations run when the queue lets them, so that the times of the recording say nothing of their overlaps. */
  readonly queued: boolean;
}

/** Events about IOVA reservations and their readers as operations: held against those around them, and carried out. */
export class RangeOperations {
  readonly #parts: RangeOperationParts;

  constructor(parts: RangeOperationParts) {
    this.#parts = parts;
  }

  /** The `reserve`, `unreserve` or `release` at `i`, number `seq`, has its turn. */
  run(space: AddressSpace, batch: Batch, i: number, seq: number): void {
    const { ranges, queued, findings, operable, checks } = this.#parts;
    const event = batch.objects.get(i) as E.Event;
    if (!queued) checkOverlap(space, batch, i, seq, findings);
    if (event.op === 'release') operable.refuseRuled(space, batch, i);
    this.#checkRange(event, space);
    if (event.op === 'reserve') ranges.reserve(event, space, batch, i, seq);
    else if (event.op === 'unreserve' || event.op === 'release') ranges.end(event, space, batch, i, seq);
    checks?.rangeEnded(space);
  }

  /** One `reserve` in several address spaces, which does not wait. */
  reserveInAll(event: E.ReserveEvent, batch: Batch, i: number, seq: number): void {
    const { operable, ranges, findings, checks } = this.#parts;
    const spaces = (event.domains ?? []).map((id) => operable.byName(id, batch, i));
    for (const space of spaces) checkOverlap(space, batch, i, seq, findings);
    for (const space of spaces) {
      this.#checkRange(event, space);
      checks?.rangeEnded(space);
    }
    ranges.reserveInAll(event, spaces, batch, i, seq);
  }

  /** A reader of page tables comes, or goes. */
  rcuRead(event: E.RcuReadEvent, batch: Batch, i: number, seq: number): void {
    this.#parts.ranges.rcuRead(event, batch, i, seq);
    this.#checkReader(event, batch, i);
  }

  /** The range of an event about reservations is about to be touched. */
  #checkRange(event: E.Event, space: AddressSpace): void {
    const { checks } = this.#parts;
    if (checks === null || (event.op !== 'reserve' && event.op !== 'unreserve' && event.op !== 'release')) return;
    const { iova = '0x0', size = 0 } = event;
    const known = event.op === 'reserve' ? null : (space.ranges?.reservations?.find(event.id) ?? null);
    if (known === null) checks.rangeBegins(space, event.op, hexHi(iova), hexLo(iova), size);
    else checks.rangeBegins(space, event.op, known.iovaHi, known.iovaLo, known.size);
  }

  /** A reader of one address; one that walks through all tables says nothing of where it is. */
  #checkReader(event: E.RcuReadEvent, batch: Batch, i: number): void {
    const { checks, directory } = this.#parts;
    if (checks === null || (event.iova === undefined && event.phase !== 'end')) return;
    const iova = event.iova ?? '0x0';
    const all = batch.domain[i] === NONE ? directory.spaces : [directory.of(batch, i)];
    for (const space of all) {
      if (space.domain !== null && !space.destroyed) checks.reads(space, event, hexHi(iova), hexLo(iova));
    }
  }
}
