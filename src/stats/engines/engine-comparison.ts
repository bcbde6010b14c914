import { hex64, hexNumber, TWO_32 } from '../../base/u64.ts';
import { errnoName } from '../../base/vocabulary.ts';
import type { Replayer } from '../../replay/replayer.ts';
import type { AddressSpace } from '../../replay/spaces/address-space.ts';
import { LiveRanges } from '../../trace/import/domains/live-ranges.ts';
import { pageOf, pagesOf } from '../../trace/import/domains/pages.ts';
import { type Cause, causeOf } from './causes.ts';
import { type OpRecord, OpRecorder, UNMAPPED } from './op-record.ts';
import { sweepTables } from './sweep.ts';

/** Differences of each sort that are listed; the rest is counted. */
export const DIFFERENCES_KEPT = 20;

/** An operation, or a look-up after it, with different answers. */
export interface EngineDifference {
  readonly seq: number;
  readonly line: number;
  readonly domain: string;
  readonly op: string;
  readonly iova: string;
  /** Bytes, 2^53 - 1 at most: the page size of a raw call times its count may be more. */
  readonly size: number;
  /** What each engine answered, in its order: an errno or bytes; a physical address or `unmapped`. */
  readonly answers: readonly [string, string];
  readonly cause: Cause;
}

/** Some of many, by cause. */
export interface Differences<Item> {
  /** Operations or look-ups that were compared, and those that differ. */
  readonly compared: number;
  readonly differing: number;
  readonly byCause: Readonly<Partial<Record<Cause, number>>>;
  readonly first: readonly Item[];
}

/** A range that the engines leave mapped differently. */
export interface LeftDifferent {
  readonly domain: string;
  readonly iova: string;
  readonly size: number;
  readonly answers: readonly [string, string];
}

/** What two engines made of one trace. */
export interface EngineResult {
  readonly agree: boolean;
  readonly operations: Differences<EngineDifference>;
  readonly lookups: Differences<EngineDifference>;
  /** All that is mapped at the end, looked up in both. */
  readonly sweep: {
    readonly ranges: number;
    readonly bytes: number;
    readonly differing: number;
    readonly differingBytes: number;
    readonly first: readonly LeftDifferent[];
  };
}

/** Counts differences, and keeps the first. */
class DifferenceList {
  compared = 0;
  differing = 0;
  readonly byCause: Partial<Record<Cause, number>> = {};
  readonly first: EngineDifference[] = [];

  add(record: OpRecord, answers: readonly [string, string], cause: Cause, op: string = record.kind): void {
    this.differing++;
    this.byCause[cause] = (this.byCause[cause] ?? 0) + 1;
    if (this.first.length >= DIFFERENCES_KEPT) return;
    const { seq, line, space, iovaHi, iovaLo } = record;
    const size = Math.min(record.size, Number.MAX_SAFE_INTEGER);
    this.first.push({ seq, line, domain: space.id, op, iova: hex64(iovaHi, iovaLo), size, answers, cause });
  }
}

/**
 * Holds two engines that replay one trace against each other, operation by operation: answers, look-ups at the ends of each
 * range, and at the end everything that is mapped.
 */
export class EngineComparison {
  readonly #replayers: readonly [Replayer, Replayer];
  /** The second engine sees events after the first: when it has many records, the first has theirs. */
  readonly #recorders = [new OpRecorder(), new OpRecorder(() => this.#drain(false))] as const;
  readonly #operations = new DifferenceList();
  readonly #lookups = new DifferenceList();
  /** Where the engines may have different things mapped, by the name of the address space. */
  readonly #diverged = new Map<string, LiveRanges>();
  #lastSeq = -1;

  /** The replayers have replayed nothing yet; the first is the side of io-pgtable-arm. */
  constructor(base: Replayer, other: Replayer) {
    this.#replayers = [base, other];
    base.observe(this.#recorders[0]);
    other.observe(this.#recorders[1]);
  }

  /** Compares what both have done by now. `ended`: no more comes. */
  #drain(ended: boolean): void {
    const [base, other] = this.#recorders.map(({ records }) => records);
    let i = 0;
    let j = 0;
    while (i < base.length && j < other.length) {
      const a = base[i];
      const b = other[j];
      if (a.seq === b.seq && a.kind === b.kind && a.iovaLo === b.iovaLo && a.iovaHi === b.iovaHi) {
        this.#pair(a, b);
        this.#lastSeq = a.seq;
        i++;
        j++;
      } else if (a.seq === this.#lastSeq) this.#alone(base[i++], 0);
      else this.#alone(other[j++], 1);
    }
    for (; ended && i < base.length; i++) this.#alone(base[i], 0);
    for (; ended && j < other.length; j++) this.#alone(other[j], 1);
    base.splice(0, i);
    other.splice(0, j);
  }

  /** What it came to, when the trace has ended. */
  finish(): EngineResult {
    this.#drain(true);
    const sweep = this.#sweep();
    const operations = told(this.#operations);
    const lookups = told(this.#lookups);
    return {
      agree: operations.differing + lookups.differing + sweep.differing === 0,
      operations,
      lookups,
      sweep,
    };
  }

  #pair(a: OpRecord, b: OpRecord): void {
    const page = pageOf(a.iovaHi, a.iovaLo);
    const pages = pagesOf(a.iovaLo, Math.max(a.size, a.bytes, b.bytes, 1));
    const diverged = this.#divergedOf(a.space);
    this.#operations.compared++;
    this.#lookups.compared += 2;
    const same = a.ret === b.ret && a.bytes === b.bytes;
    // Found out only when something differs: most of the time nothing does.
    const was = (!same || a.first !== b.first || a.last !== b.last) && diverged.overlaps(page, pages);
    const cause = same ? null : causeOf(a, b, was);
    if (cause !== null) {
      this.#operations.add(a, [answer(a), answer(b)], cause);
      if (cause !== 'errno') diverged.add(page, pages);
    } else if (a.ret === 0 && a.bytes === a.size && !was) {
      // Whatever was different here is the same now.
      diverged.remove(page, pages);
    }
    for (const [found, wanted, where] of [
      [a.first, b.first, 'first'],
      [a.last, b.last, 'last'],
    ] as const) {
      if (found === wanted) continue;
      const why = cause ?? (was ? 'earlier' : 'unexplained');
      this.#lookups.add(a, [place(found), place(wanted)], why, `${where} byte after ${a.kind}`);
    }
  }

  /** An operation that only one side has: an operation of the same job failed before it on the other. */
  #alone(record: OpRecord, side: 0 | 1): void {
    this.#operations.compared++;
    const answers: [string, string] = ['not reached', 'not reached'];
    answers[side] = answer(record);
    this.#operations.add(record, answers, 'not-reached');
    const page = pageOf(record.iovaHi, record.iovaLo);
    this.#divergedOf(record.space).add(page, pagesOf(record.iovaLo, Math.max(record.size, record.bytes, 1)));
  }

  #divergedOf(space: AddressSpace): LiveRanges {
    let ranges = this.#diverged.get(space.id);
    if (ranges === undefined) {
      ranges = new LiveRanges();
      this.#diverged.set(space.id, ranges);
    }
    return ranges;
  }

  #sweep(): EngineResult['sweep'] {
    const [base, other] = this.#replayers.map(({ spaces }) => spaces);
    const first: LeftDifferent[] = [];
    const sum = { ranges: 0, bytes: 0, differing: 0, differingBytes: 0 };
    base.forEach((space, i) => {
      const [table, against] = [space.table, other[i]?.table ?? null];
      if (table === null || against === null || space.destroyed) return;
      const { ranges, bytes, differing, differingBytes } = sweepTables(table, against);
      sum.ranges += ranges;
      sum.bytes += bytes;
      sum.differing += differing.length;
      sum.differingBytes += differingBytes;
      for (const range of differing.slice(0, DIFFERENCES_KEPT - first.length)) {
        const hi = (Math.floor(range.start / TWO_32) | table.iovaWantHi) >>> 0;
        const iova = hex64(hi, (range.start | table.iovaWantLo) >>> 0);
        first.push({ domain: space.id, iova, size: range.size, answers: [place(range.base), place(range.other)] });
      }
    });
    return { ...sum, first };
  }
}

function told({ compared, differing, byCause, first }: DifferenceList): Differences<EngineDifference> {
  return { compared, differing, byCause, first };
}

/** What an operation returned: the errno of one that failed, else the bytes. */
function answer({ kind, ret, bytes }: OpRecord): string {
  if (ret !== 0) return errnoName(ret);
  return kind === 'map' ? `0 (${hexNumber(bytes)} bytes)` : `${hexNumber(bytes)} bytes`;
}

function place(paddr: number): string {
  return paddr === UNMAPPED ? 'unmapped' : hexNumber(paddr);
}
