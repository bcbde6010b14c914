import { pageOf, pagesOf } from '../pages.ts';
import { CalmLog, type CalmRequest } from './calm-log.ts';
import { type Choice, NO_CHOICE } from './choice.ts';
import { Context } from './contexts.ts';
import { Decisions } from './decisions.ts';
import { Journal } from './journal.ts';
import { trailingZeros } from './orders.ts';
import * as W from './weights.ts';

/**
 * Infers which address space a request belongs to that names none. Each space is modelled as its IOVA allocator would act;
 * a request goes where it is likeliest by that, by what its context did last, by physical neighbourhood and by the order in
 * which mappings go. When what follows becomes too unlikely, the doubtful choices before are tried the other way, and stay
 * so if that explains the rest better. Choices become final, in the order of the requests, `WINDOW` requests later.
 */
export class DomainGuess {
  readonly #release: (ticket: number, domain: number, ambiguous: boolean) => void;
  readonly #decisions = new Decisions();
  readonly #weighing = this.#decisions.weighing;
  readonly #spaces = this.#decisions.spaces;
  readonly #contexts: Context[] = [];
  /** Until a second space shows itself. */
  #calm: CalmLog | null = new CalmLog();
  /** Choices that are not final, oldest first. */
  #window: Choice[] = [];
  #head = 0;
  #credit = 0;
  /** Unmaps that several spaces could have taken, and those that none had. */
  ambiguous = 0;
  unknown = 0;

  constructor(release: (ticket: number, domain: number, ambiguous: boolean) => void) {
    this.#release = release;
  }

  /** Address spaces met or inferred so far. */
  get domains(): number {
    return this.#calm !== null && this.#calm.count > 0 ? 1 : this.#spaces.length;
  }

  /** Index of the device whose space it is, -1 where it was inferred. */
  nameOfDomain(domain: number): number {
    // While there is one space only it has no model yet.
    return this.#spaces[domain]?.named ?? -1;
  }

  /**
   * Takes a request.
   * @param context - a small number for each task and each interrupt level of one
   * @param ns - when it was, -1 unknown
   * @param named - index of the device that the recording names: its space is certain; -1: it names none
   */
  add(
    ticket: number,
    isMap: boolean,
    iovaHi: number,
    iovaLo: number,
    paddrHi: number,
    paddrLo: number,
    size: number,
    context: number,
    cpu: number,
    ns: number,
    named: number,
  ): void {
    const page = pageOf(iovaHi, iovaLo);
    const pages = Math.max(1, pagesOf(iovaLo, size));
    const physical = pageOf(paddrHi, paddrLo);
    const weighing = this.#weighing;
    weighing.grain = Math.min(weighing.grain, trailingZeros(page), trailingZeros(pages));
    weighing.requests++;
    const calm = this.#calm;
    if (calm !== null) {
      if (named < 0 && calm.take(ticket, isMap, page, pages, physical, context, cpu, ns)) {
        if (calm.count > W.WINDOW) this.#release(calm.ticketOf(calm.count - 1 - W.WINDOW), 0, false);
        return;
      }
      this.#leaveCalm(calm);
    }
    this.#take({ ticket, isMap, page, pages, physical, context, cpu, ns }, named);
  }

  #take(request: CalmRequest, named: number): void {
    const choice = this.#choiceFor(request, named);
    this.#window.push(choice);
    this.#decisions.decide(choice, NO_CHOICE);
    this.#credit = Math.min(this.#credit + W.CREDIT, W.MOST_CREDIT);
    if (named < 0) this.#doubt(choice);
    if (this.#window.length - this.#head > W.WINDOW) this.#settle();
  }

  #choiceFor({ ticket, isMap, page, pages, physical, context, cpu, ns }: CalmRequest, named: number): Choice {
    this.#contexts[context] ??= new Context();
    return {
      ticket,
      isMap,
      page,
      pages,
      physical,
      context: this.#contexts[context],
      cpu: Math.max(0, cpu),
      ns,
      named,
      journal: new Journal(),
      space: NO_CHOICE,
      second: NO_CHOICE,
      score: 0,
      margin: 0,
      ambiguous: false,
      unknown: false,
    };
  }

  /** One space is not enough: it learns what it did so far, and the latest requests are weighed again. */
  #leaveCalm(calm: CalmLog): void {
    this.#calm = null;
    const final = Math.max(calm.first, calm.count - W.WINDOW);
    if (final > 0) {
      this.#decisions.touch(this.#decisions.open(-1, new Journal()), new Journal());
      // From the top down, as they were handed out.
      for (const { page, pages } of calm.liveBefore().sort((a, b) => b.page - a.page)) {
        this.#spaces[0].map(page, pages, 0, 0, false, false, new Journal());
      }
    }
    for (let number = calm.first; number < final; number++) {
      this.#decisions.carryOut(this.#choiceFor(calm.request(number), -1), 0, 0, NO_CHOICE, 0);
    }
    for (let number = final; number < calm.count; number++) this.#take(calm.request(number), -1);
    // Those among the latest are counted when they become final.
    this.unknown += calm.unknown - this.#window.reduce((sum, { unknown }) => sum + (unknown ? 1 : 0), 0);
  }

  /** The input has ended: all choices are final. */
  finish(): void {
    const calm = this.#calm;
    if (calm !== null) {
      for (let number = Math.max(0, calm.count - W.WINDOW); number < calm.count; number++) {
        this.#release(calm.ticketOf(number), 0, false);
      }
      this.unknown += calm.unknown;
      if (this.#spaces.length === 0 && calm.count > 0) this.#decisions.open(-1, new Journal());
      this.#calm = null;
    }
    while (this.#head < this.#window.length) this.#settle();
  }

  #settle(): void {
    const choice = this.#window[this.#head++];
    if (this.#head > 4 * W.WINDOW) {
      this.#window = this.#window.slice(this.#head);
      this.#head = 0;
    }
    if (choice.ambiguous) this.ambiguous++;
    if (choice.unknown) this.unknown++;
    this.#release(choice.ticket, choice.space, choice.ambiguous);
  }

  /** When a context has become too surprising, tries the doubtful choices before the other way. */
  #doubt(choice: Choice): void {
    const { context } = choice;
    if (context.limit === 0) context.limit = W.SURPRISE;
    context.surprise = (context.surprise + Math.max(0, -choice.score)) * W.FADE;
    if (context.surprise <= context.limit) return;
    const now = this.#window.length - 1;
    const better = this.#doubtful(choice, now).some((at) => this.#tryOther(at, now));
    context.limit = better ? W.SURPRISE : Math.min(context.limit * W.SURPRISE_GROWTH, W.MOST_SURPRISE);
    context.surprise = 0;
  }

  /** Choices worth another try, the latest first: of the same context, about the same pages, and the latest of all. */
  #doubtful(choice: Choice, now: number): number[] {
    const found: number[] = [];
    let ofContext = 0;
    let ofPages = 0;
    let others = 0;
    for (let at = now - 1; at >= this.#head && found.length < W.TRIES; at--) {
      const other = this.#window[at];
      if (other.second < 0 || other.margin > W.DOUBT) continue;
      if (other.context === choice.context && ofContext < W.TRIES_CONTEXT) ofContext++;
      else if (meet(other, choice) && ofPages < W.TRIES_PAGES) ofPages++;
      else if (others < W.TRIES_OTHER) others++;
      else continue;
      found.push(at);
    }
    return found;
  }

  /** Takes the second choice at `at` and lets the rest follow; true when that is so much likelier that it stays. */
  #tryOther(at: number, now: number): boolean {
    const length = now - at;
    if (this.#credit < length) return false;
    this.#credit -= length;
    const tried = this.#window.slice(at, now + 1);
    const before = tried.map(({ space }) => space);
    const was = tried.reduce((sum, { score }) => sum + score, 0);
    this.#takeBack(tried);
    const [first, ...rest] = tried;
    const isNew = first.second === this.#spaces.length;
    if (this.#decisions.decide(first, first.second)) {
      for (const choice of rest) this.#decisions.decide(choice, NO_CHOICE);
      const is = tried.reduce((sum, { score }) => sum + score, 0);
      if (is - was > W.GAIN + W.GAIN_PER_REQUEST * length + (isNew ? W.GAIN_OF_NEW : 0)) return true;
      this.#takeBack(tried);
    }
    tried.forEach((choice, i) => {
      this.#decisions.decide(choice, before[i]);
    });
    return false;
  }

  #takeBack(tried: readonly Choice[]): void {
    for (let i = tried.length - 1; i >= 0; i--) {
      tried[i].journal.rollBack();
    }
  }
}

function meet(a: Choice, b: Choice): boolean {
  return a.page < b.page + b.pages && a.page + a.pages > b.page;
}
