import { printableJson } from '../../base/printable.ts';
import { hexHi, hexLo, parseAddress } from '../../base/u64.ts';
import type { ReserveOutcome } from '../../reservation/request.ts';
import { type Batch, FLAG_HAS_TS, NONE } from '../../trace/batch.ts';
import type { RcuReadEvent, ReserveEvent, UnreserveEvent } from '../../trace/events.ts';
import type { ResultLines } from '../results/result-lines.ts';
import type { AddressSpace } from '../spaces/address-space.ts';
import type { SpaceDirectory } from '../spaces/space-directory.ts';
import type { Watch } from './watch.ts';

/** Depth of a reservation that does not say: tables down to the last level. */
const ALL_LEVELS = 3;

/** `reserve`, `unreserve`, `release` and `rcu_read`. */
export class RangeEvents {
  readonly #watch: Watch;
  readonly #directory: SpaceDirectory;
  readonly #results: ResultLines | null;

  constructor(watch: Watch, directory: SpaceDirectory, results: ResultLines | null) {
    this.#watch = watch;
    this.#directory = directory;
    this.#results = results;
  }

  reserve(event: ReserveEvent, space: AddressSpace, batch: Batch, i: number, seq: number): void {
    this.#results?.begin(space, batch.domain[i] !== NONE);
    const outcome = this.#reserveIn(event, space, batch, i, seq);
    this.#results?.counted(seq, 'reserve', space, outcomeFields(event, outcome));
  }

  /**
   * Reserves in several address spaces in turn, as iommufd does for the domains of one IOAS; when one cannot, those before
   * it are unreserved again, the last first (io_pagetable.c:iopt_fill_domains_pages).
   */
  reserveInAll(event: ReserveEvent, spaces: readonly AddressSpace[], batch: Batch, i: number, seq: number): void {
    const sum: ReserveOutcome = { ret: 0, full: 0, missing: 0, allocated: 0, attachPoints: 0, raced: 0 };
    const made: AddressSpace[] = [];
    let total = sum;
    for (const space of spaces) {
      const outcome = this.#reserveIn(event, space, batch, i, seq);
      total = added(total, outcome);
      if (outcome.ret !== 0) break;
      made.push(space);
    }
    const rolledBack = total.ret === 0 ? 0 : made.length;
    if (total.ret !== 0) {
      for (const space of made.reverse()) {
        this.#watch.reservationsOf(space).unreserve(event.id, null);
        this.#watch.ended(space);
      }
    }
    const domains = JSON.stringify(event.domains);
    const rest = `,"domains":${domains}${outcomeFields(event, total)},"rolledBack":${rolledBack}`;
    this.#results?.plain(seq, 'reserve', rest);
  }

  #reserveIn(event: ReserveEvent, space: AddressSpace, batch: Batch, i: number, seq: number): ReserveOutcome {
    const begin = (batch.flags[i] & FLAG_HAS_TS) === 0 ? null : batch.ts[i];
    const request = {
      id: event.id,
      iovaHi: hexHi(event.iova),
      iovaLo: hexLo(event.iova),
      size: event.size,
      depth: event.depth ?? ALL_LEVELS,
    };
    this.#refuseEngine(space, batch, i);
    const outcome = this.#watch.reserve(space, request, begin);
    // Only now: its own tables are none that another has linked first.
    this.#watch.overlapping(space, batch, i, seq);
    if (outcome.ret !== 0) space.failed(outcome.ret);
    this.#watch.allocator(space);
    return outcome;
  }

  /** Reservations pin tables of io-pgtable-arm. Throws an input error for an address space with another engine. */
  #refuseEngine(space: AddressSpace, batch: Batch, i: number): void {
    if (space.domain === null || space.domain.pins) return;
    throw this.#directory.error(
      batch,
      i,
      'IOVA reservations are those of io-pgtable-arm; the engine chosen instead has none',
    );
  }

  /** `unreserve` and `release`. */
  end(event: UnreserveEvent, space: AddressSpace, batch: Batch, i: number, seq: number): void {
    this.#results?.begin(space, batch.domain[i] !== NONE);
    this.#refuseEngine(space, batch, i);
    const reservations = this.#watch.reservationsOf(space);
    this.#watch.overlapping(space, batch, i, seq);
    const range =
      event.iova === undefined || event.size === undefined
        ? null
        : { iovaHi: hexHi(event.iova), iovaLo: hexLo(event.iova), size: event.size };
    const id = JSON.stringify(event.id);
    let rest: string;
    let ret: number;
    if (event.op === 'release') {
      const released = this.#watch.release(space, event.id, range);
      ret = released.ret;
      rest = `,"id":${id},"ret":${ret},"unmapped":${released.unmapped},"freed":${released.freed}`;
    } else {
      const ended = reservations.unreserve(event.id, range);
      ret = ended.ret;
      rest = `,"id":${id},"ret":${ret},"freed":${ended.freed}`;
    }
    if (ret !== 0) space.failed(ret);
    this.#watch.ended(space);
    this.#watch.allocator(space);
    this.#results?.counted(seq, event.op, space, rest);
  }

  /** A reader of the tables of one address space, or of all there are. */
  rcuRead(event: RcuReadEvent, batch: Batch, i: number, seq: number): void {
    const spaces =
      batch.domain[i] === NONE
        ? this.#directory.spaces.filter((space) => space.domain !== null && !space.destroyed)
        : [this.#directory.of(batch, i)];
    const path = event.iova === undefined ? null : parseAddress(event.iova);
    if (spaces.length === 0) {
      throw this.#directory.error(
        batch,
        i,
        'no domain is there to be read; declare it first: {"op":"domain","id":"d0"}',
      );
    }
    // A reader of all there were knows nothing of a domain that came after its beginning.
    let known = event.phase !== 'end';
    for (const space of spaces) {
      this.#directory.usable(space, batch, i);
      const grace = this.#watch.graceOf(space);
      if (event.phase === undefined) grace.readerInterval(event.begin as number, event.end as number, path);
      else if (event.phase === 'begin') grace.readerBegin(event.id as string, path);
      else if (grace.readerEnd(event.id as string)) known = true;
      this.#watch.ended(space);
    }
    if (!known) {
      throw this.#directory.error(
        batch,
        i,
        `no reader ${JSON.stringify(event.id)} has begun; begin it first: {"op":"rcu_read","id":"...","phase":"begin"}`,
      );
    }
    this.#results?.plain(seq, 'rcu_read', `,"ret":0`);
  }
}

function outcomeFields(event: ReserveEvent, outcome: ReserveOutcome): string {
  const { ret, full, missing, allocated, attachPoints, raced } = outcome;
  return (
    `,"id":${printableJson(JSON.stringify(event.id))},"ret":${ret},"full":${full},"missing":${missing},"allocated":${allocated}` +
    `,"attachPoints":${attachPoints},"raced":${raced}`
  );
}

/** Sums of two outcomes, and the answer of the later. */
function added(a: ReserveOutcome, b: ReserveOutcome): ReserveOutcome {
  return {
    ret: b.ret,
    full: a.full + b.full,
    missing: a.missing + b.missing,
    allocated: a.allocated + b.allocated,
    attachPoints: a.attachPoints + b.attachPoints,
    raced: a.raced + b.raced,
  };
}
