import type { Event } from '../trace/events.ts';
import { decodeEvent } from '../trace/ndjson/decode.ts';
import { ddmin, type Trials } from './ddmin.ts';
import type { HeldTrace } from './held-trace.ts';
import { shrinkEvents } from './shrink.ts';
import { Structure, type Touched } from './structure.ts';

/** What is already known of where the reason lies. */
export interface Hint {
  /** Number of the event after which it shows. */
  readonly seq: number;
  /** The address space that it is about; null: not known. */
  readonly domain: string | null;
  /** IOVAs that it is about; null: those of the event. */
  readonly range: Touched | null;
}

/** Holds parts of a trace against the condition that is to be kept. Each question is one trial. */
export interface Question {
  readonly trials: Trials;
  /** A part of the trace, by the numbers of its events. */
  part(indices: readonly number[]): Promise<boolean>;
  /** Events that may have been changed. */
  events(events: readonly Event[]): Promise<boolean>;
  /** How many events are left, whenever there are fewer. */
  left(events: number): void;
}

/** Blocks around the range of a hint within which events may matter, in bytes; the range alone is tried first. */
const AROUND = [1, 2 ** 21, 2 ** 30] as const;
/** Events that are looked at one field at a time. */
const FEW = 500;

/**
 * The smallest trace that can be found for which the question still says yes: whole address spaces, blocks of addresses,
 * jobs and single events are left out, then what is left is made smaller. The question is taken to say yes to the whole
 * trace. A part that cannot be replayed counts as a no.
 */
export async function reduceTrace(trace: HeldTrace, question: Question, hint: Hint | null): Promise<readonly Event[]> {
  const reduction = new Reduction(trace, question);
  await reduction.begin();
  if (hint !== null) await reduction.narrow(hint);
  await reduction.leaveOut();
  return await reduction.finish();
}

class Reduction {
  readonly #trace: HeldTrace;
  readonly #question: Question;
  readonly #structure: Structure;
  /** Events of the part that is left, less those that come along where they are needed. */
  #own: readonly number[];
  /** Events need what the structure does not know of: all of them are left out one like the other. */
  #blind = false;
  /** The part as a whole, once the question has said yes to it. */
  #part: readonly number[];

  constructor(trace: HeldTrace, question: Question) {
    this.#trace = trace;
    this.#question = question;
    this.#structure = new Structure(trace);
    this.#own = this.#structure.own;
    this.#part = Array.from({ length: trace.length }, (_, index) => index);
  }

  /** Finds out whether it shows without what no event needs. */
  async begin(): Promise<void> {
    const needed = this.#structure.withNeeds(this.#own);
    if (needed.length === this.#part.length || (await this.#try(needed))) return;
    this.#blind = true;
    this.#own = this.#part;
  }

  /** Takes the events up to the one where it shows, of its address space, around its addresses, as far as that will do. */
  async narrow({ seq, domain, range }: Hint): Promise<void> {
    const structure = this.#structure;
    await this.#take(this.#own.filter((index) => index <= seq));
    if (domain !== null) await this.#take(this.#own.filter((index) => structure.domainOf(index) === domain));
    const about = range ?? structure.rangeOf(seq);
    if (about === null) return;
    for (const block of AROUND) {
      const start = Math.floor(about.start / block) * block;
      const end = Math.ceil(about.end / block) * block;
      const near = this.#own.filter((index) => {
        const other = structure.rangeOf(index);
        return other === null || (other.start < end && start < other.end);
      });
      if (await this.#take(near)) return;
    }
  }

  /** Leaves out whole address spaces, then blocks of addresses, jobs, and at last single events. */
  async leaveOut(): Promise<void> {
    const structure = this.#structure;
    const { trials } = this.#question;
    const shows = async (groups: readonly (readonly number[])[]): Promise<boolean> => this.#take(groups.flat());
    // The first two prepare the ground; that nothing can be left out is for the last to find out.
    await ddmin(structure.byDomain(this.#own), shows, trials, true);
    await ddmin(structure.byBlock(this.#own), shows, trials, true);
    await ddmin(structure.byUnit(this.#own), shows, trials, true);
    const single = async (indices: readonly number[]): Promise<boolean> => this.#try(indices);
    await ddmin(this.#part, single, trials);
  }

  /** Makes the events that are left smaller; then some may not be needed any more. */
  async finish(): Promise<readonly Event[]> {
    const { trials } = this.#question;
    const events = this.#trace.events(this.#part);
    if (events.length > FEW || !trials.goOn) return events;
    const shows = async (some: readonly Event[]): Promise<boolean> => {
      const yes = some.every(isEvent) && (await this.#question.events(some));
      if (yes) this.#question.left(some.length);
      return yes;
    };
    return await ddmin(await shrinkEvents(events, shows, trials), shows, trials);
  }

  /** Takes some events, with what they need, as the part that is left, when it still shows. */
  async #take(own: readonly number[]): Promise<boolean> {
    const sorted = [...own].sort((a, b) => a - b);
    if (sorted.length === this.#own.length) return true;
    const whole = this.#blind ? sorted : this.#structure.withNeeds(sorted);
    if (whole.length === this.#part.length) {
      this.#own = sorted;
      return true;
    }
    if (!(await this.#try(whole))) return false;
    this.#own = sorted;
    return true;
  }

  async #try(indices: readonly number[]): Promise<boolean> {
    if (!this.#question.trials.goOn || !(await this.#question.part(indices))) return false;
    this.#part = indices;
    this.#question.left(indices.length);
    return true;
  }
}

/** An event that a reader of traces would take. */
function isEvent(event: Event): boolean {
  try {
    decodeEvent(JSON.stringify(event));
    return true;
  } catch {
    return false;
  }
}
