import type { BindEvent, BoEvent, Event } from '../trace/events.ts';
import { ddmin, type Trials } from './ddmin.ts';

/** Holds a list of events against the condition that is to be kept. */
export type ShowsEvents = (events: readonly Event[]) => Promise<boolean>;

/** The smallest page that there is; sizes are tried from here. */
const SMALLEST = 4096;

/** Fields that an event may go without; what matters least to a reader first. */
const OPTIONAL = [
  'meta',
  'source',
  'clock',
  'kernel',
  'comment',
  'end',
  'ts',
  'queue',
  'thread',
  'waits',
  'signals',
  'prot',
  'gather',
  'ret',
  'clear',
  'folio',
  'resident',
  'coherent',
  'quirks',
  'cpuPageSize',
  'tableBase',
  'tableMin',
  'flush',
  'allocator',
  'driver',
  'oas',
  'ias',
  'pgsizes',
  'format',
  'depth',
  'domain',
] as const;

/** Fields of an operation of a bind that it may go without. */
const OPTIONAL_OF_OPS = ['flags', 'offset', 'bo'] as const;

/**
 * Makes the events of a trace smaller one by one, for as long as the condition holds: fewer operations in a bind, fewer
 * pieces of a buffer object, smaller sizes and counts, then no fields that may be left out.
 */
export async function shrinkEvents(
  events: readonly Event[],
  shows: ShowsEvents,
  trials: Trials,
): Promise<readonly Event[]> {
  const shrinking = new Shrinking(events, shows, trials);
  await shrinking.run();
  return shrinking.events;
}

class Shrinking {
  events: readonly Event[];
  readonly #shows: ShowsEvents;
  readonly #trials: Trials;

  constructor(events: readonly Event[], shows: ShowsEvents, trials: Trials) {
    this.events = events;
    this.#shows = shows;
    this.#trials = trials;
  }

  async run(): Promise<void> {
    for (let at = 0; at < this.events.length; at++) {
      const event = this.events[at];
      if (event.op === 'bind') await this.#bindOps(at, event);
      else if (event.op === 'bo') await this.#segments(at, event);
    }
    // What is mapped of an object becomes smaller before the object.
    for (let at = this.events.length - 1; at >= 0; at--) await this.#sizes(at);
    for (const field of OPTIONAL) await this.#dropEverywhere(field);
  }

  /** Takes the events when they still show it. */
  async #try(events: readonly Event[]): Promise<boolean> {
    if (!this.#trials.goOn || !(await this.#shows(events))) return false;
    this.events = events;
    return true;
  }

  #with(at: number, event: object): readonly Event[] {
    return this.events.map((other, i) => (i === at ? (event as Event) : other));
  }

  async #bindOps(at: number, event: BindEvent): Promise<void> {
    const ops = await ddmin(event.ops, (some) => this.#shows(this.#with(at, { ...event, ops: some })), this.#trials);
    this.events = this.#with(at, { ...event, ops });
  }

  async #segments(at: number, event: BoEvent): Promise<void> {
    const made = (segments: BoEvent['segments']): BoEvent => ({
      ...event,
      segments,
      size: segments.reduce((sum, { size }) => sum + size, 0),
    });
    if (event.segments.length > 1) {
      // One piece in place of many, as large as they are, is simpler than some of them.
      const whole = { ...event, segments: [{ paddr: event.segments[0].paddr, size: event.size }] };
      if (await this.#try(this.#with(at, whole))) return;
    }
    const shows = (some: BoEvent['segments']): Promise<boolean> => this.#shows(this.#with(at, made(some)));
    const segments = await ddmin(event.segments, shows, this.#trials);
    if (segments.length < event.segments.length) this.events = this.#with(at, made(segments));
  }

  async #sizes(at: number): Promise<void> {
    const event = this.events[at];
    switch (event.op) {
      case 'map_pages':
      case 'unmap_pages':
        await this.#smaller(1, event.pgcount, (pgcount) => this.#try(this.#with(at, { ...event, pgcount })));
        return;
      case 'fail_alloc':
        await this.#smaller(1, event.nth, (nth) => this.#try(this.#with(at, { ...event, nth })));
        return;
      case 'bind':
        for (let i = 0; i < event.ops.length; i++) await this.#bindSize(at, i);
        return;
      case 'bo':
        // Its pieces go with it.
        await this.#smaller(SMALLEST, event.size, (size) => {
          const segments = event.segments.length === 1 ? [{ ...event.segments[0], size }] : null;
          return segments === null ? Promise.resolve(false) : this.#try(this.#with(at, { ...event, size, segments }));
        });
        return;
      default:
        if ('size' in event && typeof event.size === 'number') {
          await this.#smaller(SMALLEST, event.size, (size) => this.#try(this.#with(at, { ...event, size })));
        }
    }
  }

  async #bindSize(at: number, i: number): Promise<void> {
    const opsWith = (change: object): Event => {
      const event = this.events[at] as BindEvent;
      return { ...event, ops: event.ops.map((op, j) => (j === i ? { ...op, ...change } : op)) } as BindEvent;
    };
    const { size } = (this.events[at] as BindEvent).ops[i];
    if (size !== undefined) {
      await this.#smaller(SMALLEST, size, (less) => this.#try(this.#with(at, opsWith({ size: less }))));
    }
    for (const field of OPTIONAL_OF_OPS) {
      const event = this.events[at] as BindEvent;
      if (!(field in event.ops[i])) continue;
      const ops = event.ops.map((op, j) => (j === i ? without(op, field) : op));
      await this.#try(this.#with(at, { ...event, ops }));
    }
  }

  /** The least value that is found by trying the smallest, then halves. */
  async #smaller(least: number, now: number, attempt: (value: number) => Promise<boolean>): Promise<void> {
    if (now <= least || (await attempt(least))) return;
    let value = now;
    for (;;) {
      const half = Math.floor(value / 2 / least) * least;
      if (half <= least || !(await attempt(half))) return;
      value = half;
    }
  }

  /** Leaves out a field of all events, else of each event for which that does. */
  async #dropEverywhere(field: string): Promise<void> {
    const having = this.events.filter((event) => field in event).length;
    if (having === 0 || (await this.#try(this.events.map((event) => without(event, field))))) return;
    for (let at = 0; having > 1 && at < this.events.length; at++) {
      if (field in this.events[at]) await this.#try(this.#with(at, without(this.events[at], field)));
    }
  }
}

function without<Holder extends object>(holder: Holder, field: string): Holder {
  return Object.fromEntries(Object.entries(holder).filter(([key]) => key !== field)) as Holder;
}
