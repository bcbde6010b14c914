import { hexHi, hexLo, TWO_32 } from '../base/u64.ts';
import { type Batch, NONE } from '../trace/batch.ts';
import * as E from '../trace/events.ts';
import type { HeldTrace } from './held-trace.ts';

/** Bytes of the blocks by which events are told to be about the same addresses. */
const BLOCK = 2 ** 21;
/** An event that is about no addresses. */
const NOWHERE = -1;

/** A range of IOVAs; `end` is the first behind it. Doubles are near enough to choose by. */
export interface Touched {
  readonly start: number;
  readonly end: number;
}

/**
 * What the events of a trace have to do with each other: which stand for one address space, one job, one reservation, one
 * block of addresses, and which an event cannot be replayed without.
 */
export class Structure {
  /** Numbers of the events that a part of the trace is made of. The others come along where they are needed. */
  readonly own: number[] = [];
  readonly #domains: readonly string[];
  readonly #domain: (string | null)[] = [];
  readonly #group: (string | null)[] = [];
  readonly #range: (Touched | null)[] = [];
  /** Events that one needs: the buffer objects of a bind, the declarations of address spaces. */
  readonly #needs = new Map<number, readonly number[]>();
  /** Events that are always needed: what the trace says of itself. */
  readonly #always: number[] = [];
  /** Declarations and ends of address spaces, in their order, by id. */
  readonly #lives = new Map<string, { readonly index: number; readonly isEnd: boolean }[]>();
  readonly #objects = new Map<string, number>();
  /** The last declaration of an address space so far, -1: none. */
  #latest = -1;
  /** By number of the event: whether it is wanted; used by one question at a time. */
  readonly #wanted: Uint8Array;

  constructor(trace: HeldTrace) {
    this.#domains = trace.names.domains;
    this.#wanted = new Uint8Array(trace.length);
    trace.each((batch, i, index) => this.#add(batch, i, index));
  }

  /** The address space of an event by its id; null: the trace has one that nobody names, or it is about none. */
  domainOf(index: number): string | null {
    return this.#domain[index];
  }

  /** IOVAs that an event is about. */
  rangeOf(index: number): Touched | null {
    return this.#range[index];
  }

  /** Events of one address space, of all of them, under one name. */
  byDomain(indices: readonly number[]): number[][] {
    return groups(indices, (index) => this.#domain[index]);
  }

  /** Events of one block of addresses in one address space. */
  byBlock(indices: readonly number[]): number[][] {
    const blocks = new Map<string, string>();
    return groups(indices, (index) => {
      const range = this.#range[index];
      const group = this.#group[index];
      // The events of a job stand where its first address is.
      const known = group === null ? undefined : blocks.get(group);
      if (known !== undefined) return known;
      if (range === null) return group ?? `${NOWHERE}:${index}`;
      const block = `${this.#domain[index]}:${Math.floor(range.start / BLOCK)}`;
      if (group !== null) blocks.set(group, block);
      return block;
    });
  }

  /** The events of one job, one reservation or one reader together, every other alone. */
  byUnit(indices: readonly number[]): number[][] {
    return groups(indices, (index) => this.#group[index] ?? `${NOWHERE}:${index}`);
  }

  /** Some events with those that they cannot be replayed without, in their order. */
  withNeeds(indices: readonly number[]): number[] {
    const all = this.#wanted.fill(0);
    for (const index of this.#always) all[index] = 1;
    for (const index of indices) {
      all[index] = 1;
      const needs = this.#needs.get(index);
      if (needs !== undefined) for (const needed of needs) all[needed] = 1;
    }
    // An address space that is declared again must have ended before.
    for (const lives of this.#lives.values()) {
      let live = false;
      let end = -1;
      for (const { index, isEnd } of lives) {
        if (isEnd) {
          end = index;
          if (all[index] === 1) live = false;
        } else if (all[index] === 1) {
          if (live && end >= 0) all[end] = 1;
          live = true;
        }
      }
    }
    const list: number[] = [];
    for (let index = 0; index < all.length; index++) if (all[index] === 1) list.push(index);
    return list;
  }

  #add(batch: Batch, i: number, index: number): void {
    const op = batch.op[i];
    const event = batch.objects.get(i);
    const named = batch.domain[i] === NONE ? null : this.#domains[batch.domain[i]];
    this.#domain[index] = named;
    this.#group[index] = null;
    this.#range[index] = null;
    if (event === undefined) {
      this.own.push(index);
      this.#needDomains(index, named === null ? [] : [named]);
      if (op !== E.OP_FAIL_ALLOC) {
        const raw = op === E.OP_MAP_PAGES || op === E.OP_UNMAP_PAGES;
        const size = raw ? batch.size[i] * batch.count[i] : batch.size[i];
        this.#range[index] = touched(batch.iovaHi[i], batch.iovaLo[i], size);
      }
      return;
    }
    switch (event.op) {
      case 'trace':
        this.#always.push(index);
        return;
      case 'domain':
        this.#domain[index] = event.id;
        this.#livesOf(event.id).push({ index, isEnd: false });
        this.#latest = index;
        return;
      case 'bo':
        this.#objects.set(event.id, index);
        return;
      default:
        this.own.push(index);
        this.#describe(event, index, named);
    }
  }

  #describe(event: E.Event, index: number, named: string | null): void {
    const domains = named === null ? [] : [named];
    switch (event.op) {
      case 'destroy':
        if (named !== null) this.#livesOf(named).push({ index, isEnd: true });
        break;
      case 'bind': {
        this.#group[index] = `job ${named} ${event.job}`;
        const [first] = event.ops;
        if (first?.iova !== undefined) this.#range[index] = rangeOf(first.iova, first.size ?? 0);
        const objects = event.ops.flatMap(({ bo }) => (bo === undefined ? [] : (this.#objects.get(bo) ?? [])));
        this.#needs.set(index, objects);
        break;
      }
      case 'exec':
      case 'cleanup':
        this.#group[index] = `job ${named} ${event.job}`;
        break;
      case 'reserve':
        domains.push(...(event.domains ?? []));
        this.#group[index] = `reservation ${event.id}`;
        this.#range[index] = rangeOf(event.iova, event.size);
        break;
      case 'unreserve':
      case 'release':
        this.#group[index] = `reservation ${event.id}`;
        break;
      case 'rcu_read':
        if (event.id !== undefined) this.#group[index] = `reader ${named} ${event.id}`;
        break;
      case 'repeat':
        this.#range[index] = rangeOf(event.iova, event.size);
    }
    this.#needDomains(index, domains);
  }

  #needDomains(index: number, ids: readonly string[]): void {
    const named = ids.flatMap((id) => this.#livesOf(id).findLast(({ isEnd }) => !isEnd)?.index ?? []);
    // Whoever names none means the only one.
    const declared = ids.length > 0 || this.#latest < 0 ? named : [this.#latest];
    if (declared.length > 0) this.#needs.set(index, [...(this.#needs.get(index) ?? []), ...declared]);
  }

  #livesOf(id: string): { readonly index: number; readonly isEnd: boolean }[] {
    let lives = this.#lives.get(id);
    if (lives === undefined) {
      lives = [];
      this.#lives.set(id, lives);
    }
    return lives;
  }
}

/** Events that share a key, in the order in which each key first comes. */
function groups(indices: readonly number[], keyOf: (index: number) => string | null): number[][] {
  const byKey = new Map<string | null, number[]>();
  for (const index of indices) {
    const key = keyOf(index);
    const group = byKey.get(key);
    if (group === undefined) byKey.set(key, [index]);
    else group.push(index);
  }
  return [...byKey.values()];
}

function rangeOf(iova: string, size: number): Touched {
  return touched(hexHi(iova), hexLo(iova), size);
}

function touched(hi: number, lo: number, size: number): Touched {
  const start = hi * TWO_32 + lo;
  return { start, end: start + Math.max(1, size) };
}
