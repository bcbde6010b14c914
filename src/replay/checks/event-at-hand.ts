import { NOBODY } from '../../check/op-store.ts';
import { type Batch, type EventFences, FLAG_HAS_END, FLAG_HAS_TS, NONE } from '../../trace/batch.ts';
import * as E from '../../trace/events.ts';

/** Hears when an event begins to wait for fences, and when it has ended and signals them. */
export interface FenceEvents {
  waits(fences: EventFences): void;
  signals(fences: EventFences, thread: number, queue: number): void;
}

/** What has to be remembered of an event while another one runs in its midst. */
interface Standing {
  readonly batch: Batch;
  readonly i: number;
  readonly seq: number;
  readonly fences: EventFences | null;
  readonly thread: number;
  readonly queue: number;
}

/** The event that what happens belongs to: where it stands, its times, thread and queue, and the fences around it. */
export class EventAtHand {
  seq = -1;
  readonly #hears: FenceEvents;
  readonly #outer: Standing[] = [];
  #batch: Batch | null = null;
  #i = 0;
  #fences: EventFences | null = null;
  #thread = NOBODY;
  #queue = NOBODY;
  /** Time of the trace so far. */
  #now = 0;
  /** Thread and queue of binds, whose jobs may run later, by the number of the event. */
  readonly #jobs = new Map<number, readonly [thread: number, queue: number]>();

  constructor(hears: FenceEvents) {
    this.#hears = hears;
  }

  get op(): number {
    return (this.#batch as Batch).op[this.#i];
  }

  get line(): number {
    return (this.#batch as Batch).line[this.#i];
  }

  get hasTimes(): boolean {
    return ((this.#batch as Batch).flags[this.#i] & FLAG_HAS_TS) !== 0;
  }

  /** Thread of an operation of event `seq`: its own, or that of the bind that it was submitted by. */
  thread(seq: number): number {
    return this.#thread !== NONE ? this.#thread : (this.#job(seq)?.[0] ?? NOBODY);
  }

  queue(seq: number): number {
    return this.#queue !== NONE ? this.#queue : (this.#job(seq)?.[1] ?? NOBODY);
  }

  /** When it began; without a time of its own at that of those before it, where the trace has times (`timed`), else NaN. */
  begin(timed: boolean): number {
    const batch = this.#batch as Batch;
    if ((batch.flags[this.#i] & FLAG_HAS_TS) === 0) return timed ? this.#now : Number.NaN;
    const begin = batch.ts[this.#i];
    if (begin > this.#now) this.#now = begin;
    return begin;
  }

  /** When it ended; without an end it is over at once. */
  end(timed: boolean): number {
    const batch = this.#batch as Batch;
    const both = FLAG_HAS_TS | FLAG_HAS_END;
    return (batch.flags[this.#i] & both) === both ? batch.end[this.#i] : this.begin(timed);
  }

  /** The replay has come to the event at `i`; the one before it has ended. */
  at(batch: Batch, i: number, seq: number): void {
    if (seq === this.seq) return;
    this.close();
    this.#stand(batch, i, seq);
    if (batch.fences.size > 0) this.#wait();
  }

  /** An event that had waited in the queue runs now, maybe in the midst of another. */
  enter(batch: Batch, i: number, seq: number): void {
    if (this.#batch !== null) {
      const [fences, thread, queue] = [this.#fences, this.#thread, this.#queue];
      this.#outer.push({ batch: this.#batch, i: this.#i, seq: this.seq, fences, thread, queue });
    }
    this.#stand(batch, i, seq);
    if (batch.fences.size > 0) this.#wait();
  }

  /** It has run. */
  leave(): void {
    this.#signal();
    const outer = this.#outer.pop();
    if (outer === undefined) {
      this.#batch = null;
      this.seq = -1;
      return;
    }
    this.#batch = outer.batch;
    this.#i = outer.i;
    this.seq = outer.seq;
    this.#fences = outer.fences;
    this.#thread = outer.thread;
    this.#queue = outer.queue;
  }

  /** The event has ended. */
  close(): void {
    this.#signal();
    this.seq = -1;
    this.#batch = null;
  }

  #stand(batch: Batch, i: number, seq: number): void {
    this.#batch = batch;
    this.#i = i;
    this.seq = seq;
    this.#fences = null;
    this.#thread = batch.thread[i];
    this.#queue = batch.queue[i];
    if (batch.op[i] === OP_BIND && (this.#thread !== NONE || this.#queue !== NONE)) {
      this.#jobs.set(seq, [this.#thread, this.#queue]);
    }
  }

  #wait(): void {
    const fences = (this.#batch as Batch).fences.get(this.#i);
    if (fences === undefined) return;
    this.#fences = fences;
    this.#hears.waits(fences);
  }

  #signal(): void {
    const fences = this.#fences;
    if (fences === null) return;
    this.#fences = null;
    this.#hears.signals(fences, this.#thread, this.#queue);
  }

  #job(seq: number): readonly [thread: number, queue: number] | undefined {
    return seq === this.seq ? undefined : this.#jobs.get(seq);
  }
}

const OP_BIND = E.opCode('bind');
