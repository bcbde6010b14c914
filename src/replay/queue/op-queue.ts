import { inputError } from '../../base/errors.ts';
import { type Batch, copyEvent, FLAG_HAS_TS } from '../../trace/batch.ts';
import type { BoundJob } from '../jobs/bound-job.ts';
import type { AddressSpace } from '../spaces/address-space.ts';
import { DueCleanups } from './due-cleanups.ts';
import type { QueueOptions } from './queue-options.ts';
import { QueuePage, type Waiting } from './queue-page.ts';
import { NO_TICKET, needsTables, type Tickets } from './tickets.ts';

/** Carries out a waiting event when its turn has come. */
export type Execute = (space: AddressSpace, batch: Batch, i: number, seq: number, waiting: Waiting) => void;

const NOTHING: Waiting = { ticket: NO_TICKET, reserved: 0, job: null, area: 0 };

/**
 * The queue between submission and execution: a GPU driver's VM_BIND queue, or one laid over a trace that has none. Pages
 * are reserved when an event comes in, events run in the order of the trace, surplus goes back after they ran. So the
 * page table goes through the same states as without a queue; what differs is how long pages are held.
 */
export class OpQueue {
  readonly #options: QueueOptions;
  readonly #tickets: Tickets;
  readonly #execute: Execute;
  readonly #file: string;
  readonly #pages: QueuePage[] = [];
  #spare: QueuePage | null = null;
  readonly #cleanups: DueCleanups;
  /** Operations that wait: maps, unmaps and jobs. */
  waiting = 0;
  /** Runs and cleanups that were made early to let a throttled submission in. */
  gaveWay = 0;
  /** Operations submitted so far. */
  #tick = 0;
  #time = 0;

  constructor(options: QueueOptions, tickets: Tickets, execute: Execute, file: string) {
    this.#options = options;
    this.#cleanups = new DueCleanups(options.cleanup);
    this.#tickets = tickets;
    this.#execute = execute;
    this.#file = file;
  }

  /** Takes in the event at `i`; what is due before it runs first. A job is submitted by its maker, when there is room. */
  add(
    space: AddressSpace,
    batch: Batch,
    i: number,
    seq: number,
    area = 0,
    submitJob: (() => BoundJob) | null = null,
  ): void {
    if (this.#usesTime) this.#readTime(batch, i);
    const counts = submitJob !== null || needsTables(batch.op[i]);
    if (!counts) {
      // A look-up waits for what it may see, and for nothing else.
      if (this.waiting === 0) this.#execute(space, batch, i, seq, NOTHING);
      else this.#push(space, batch, i, seq, NO_TICKET, null, 0);
      return;
    }
    this.#pass(space);
    const { depth } = this.#options;
    if (depth !== null) while (this.waiting > 0 && this.waiting >= depth) this.#runNext();
    this.letIn(space);
    const job = submitJob === null ? null : submitJob();
    const ticket = job === null ? this.#tickets.submit(space, batch, i, seq) : NO_TICKET;
    this.waiting++;
    this.#push(space, batch, i, seq, ticket, job, area);
    if (depth === 0) this.#runNext();
  }

  /** An operation that takes no place in the queue: time goes by for what waits, and what is due runs. */
  passBy(space: AddressSpace, batch: Batch, i: number): void {
    if (this.#usesTime) this.#readTime(batch, i);
    this.#pass(space);
  }

  /** Makes room where a throttle holds a submission back; true when it had to. */
  letIn(space: AddressSpace): boolean {
    if (!space.allocator.mustWait()) return false;
    while (space.allocator.mustWait() && this.#giveWay(space));
    return true;
  }

  /** Runs all that wait in one address space, in order, before their turn. Cleanups keep their time. */
  runAllOf(space: AddressSpace): void {
    while (this.#runFirstOf(space));
  }

  /** Runs all that wait, in order, and gives all surplus back. */
  drain(): void {
    while (this.waiting > 0) this.#runNext();
    this.#cleanups.drain();
  }

  /** Takes the ticket of an operation that has run: its surplus goes back when it is due. */
  retire(space: AddressSpace, ticket: number): void {
    if (ticket >= 0) this.#cleanups.add(space, ticket, null, this.#tick, this.#time);
  }

  /** Takes a job that has run. */
  retireJob(job: BoundJob): void {
    this.#cleanups.add(job.space, NO_TICKET, job, this.#tick, this.#time);
  }

  get #usesTime(): boolean {
    return this.#options.exec?.unit === 'ns' || this.#options.cleanup.unit === 'ns';
  }

  #readTime(batch: Batch, i: number): void {
    if ((batch.flags[i] & FLAG_HAS_TS) === 0) {
      const place = { file: this.#file, line: batch.line[i], column: 1 };
      throw inputError(
        'this event has no "ts", so a latency in nanoseconds means nothing; give it in operations',
        place,
      );
    }
    this.#time = Math.max(this.#time, batch.ts[i]);
  }

  #push(
    space: AddressSpace,
    batch: Batch,
    i: number,
    seq: number,
    ticket: number,
    job: BoundJob | null,
    area: number,
  ): void {
    let page = this.#pages.at(-1);
    if (page === undefined || page.events.full) {
      page = this.#spare ?? new QueuePage();
      this.#spare = null;
      this.#pages.push(page);
    }
    const at = page.events.length++;
    copyEvent(batch, i, page.events, at);
    page.spaces[at] = space;
    page.jobs[at] = job;
    page.seq[at] = seq;
    page.ticket[at] = ticket;
    page.reserved[at] = space.reserved;
    page.area[at] = area;
    page.tick[at] = this.#tick;
    page.time[at] = this.#time;
    page.done[at] = 0;
  }

  #runDue(): void {
    const { exec } = this.#options;
    while (exec !== null && this.waiting > 0) {
      const page = this.#pages[0];
      const late = exec.unit === 'ops' ? this.#tick - page.tick[page.head] : this.#time - page.time[page.head];
      if (late < exec.value) break;
      this.#runNext();
    }
    this.#cleanups.runDue(this.#tick, this.#time);
  }

  #pass(space: AddressSpace): void {
    this.#tick++;
    space.tick();
    this.#runDue();
  }

  /** Makes progress for a submission that a throttle holds back in its address space; false when there is nothing left to wait for. */
  #giveWay(space: AddressSpace): boolean {
    if (!this.#cleanups.runFirstOf(space) && !this.#runFirstOf(space)) return false;
    this.gaveWay++;
    return true;
  }

  /** Runs the first operation and the look-ups behind it. */
  #runNext(): void {
    do this.#runHead();
    while (this.#pages.length > 0 && this.#headIsDone());
  }

  /** The head has run before its turn, or is a look-up, which waits for nothing but what came before it. */
  #headIsDone(): boolean {
    const page = this.#pages[0];
    return page.done[page.head] === 1 || (page.jobs[page.head] === null && !needsTables(page.events.op[page.head]));
  }

  #runHead(): void {
    const page = this.#pages[0];
    const at = page.head++;
    try {
      if (page.done[at] === 0) this.#executeAt(page, at);
    } finally {
      if (page.head === page.events.length) {
        this.#pages.shift();
        page.clear();
        this.#spare = page;
      }
    }
  }

  /** Runs the first operation of an address space, and look-ups before it; false when none waits. */
  #runFirstOf(space: AddressSpace): boolean {
    for (const page of this.#pages) {
      for (let at = page.head; at < page.events.length; at++) {
        if (page.spaces[at] !== space || page.done[at] === 1) continue;
        const counts = page.jobs[at] !== null || needsTables(page.events.op[at]);
        page.done[at] = 1;
        this.#executeAt(page, at);
        if (counts) {
          while (this.#pages.length > 0 && this.#headIsDone()) this.#runHead();
          return true;
        }
      }
    }
    return false;
  }

  #executeAt(page: QueuePage, at: number): void {
    if (page.jobs[at] !== null || needsTables(page.events.op[at])) this.waiting--;
    const waiting = {
      ticket: page.ticket[at],
      reserved: page.reserved[at],
      job: page.jobs[at],
      area: page.area[at],
    };
    this.#execute(page.spaces[at], page.events, at, page.seq[at], waiting);
  }
}
