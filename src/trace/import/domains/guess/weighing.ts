import { type Choice, NO_CHOICE } from './choice.ts';
import { type Fit, fitOf, goesOn, physicalFit, unmapFit } from './iova-fit.ts';
import type { IovaSpace } from './iova-space.ts';
import { isTop } from './orders.ts';
import * as W from './weights.ts';

export const IMPOSSIBLE = Number.NEGATIVE_INFINITY;
/** What roundings may add to a score. */
const MARGIN = 1e-6;
/** Sums of 1/1, 1/2, 1/3 and so on. */
const HARMONIC = Float64Array.from({ length: W.MOST_SPACES + 1 }, (_, count) => {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += 1 / (i + 1);
  return sum;
});

/** Weighs the spaces for a request: the logarithm of the likelihood that it is theirs. */
export class Weighing {
  readonly spaces: IovaSpace[] = [];
  /** Numbers of the spaces, the one used last first. */
  readonly recent: number[] = [];
  /** Of each space, and behind them of one that would be new. */
  readonly scores = new Float64Array(W.MOST_SPACES + 1);
  /** 1 where nothing explains the address. */
  readonly odds = new Uint8Array(W.MOST_SPACES + 1);
  requests = 0;
  /** Order of the smallest range so far: the granule. */
  grain = 40;
  readonly #fit: Fit = { score: 0, odd: false };
  /** The two best scores while spaces are weighed, and the share of the others below which none reaches them. */
  #best = IMPOSSIBLE;
  #second = IMPOSSIBLE;
  #leastShare = 0;

  /**
   * Gives each space, and one that would be new, the likelihood that the request is its. A space that cannot become the
   * best or a second worth a doubt counts as impossible, unless it is `wanted`.
   */
  weigh(choice: Choice, wanted: number): void {
    const { isMap, page, pages, context } = choice;
    const spaces = this.spaces.length;
    const { last } = context;
    const before = last?.space ?? NO_CHOICE;
    let change = 1;
    if (last !== null) {
      const us = choice.ns < 0 || last.ns < 0 ? 1 : Math.max(1, (choice.ns - last.ns) / 1000);
      change = Math.min(W.MOST_CHANGE, W.CHANGE_PER_US * us);
    }
    const mayOpen = isMap && spaces < W.MOST_SPACES;
    const late = W.NEW_LATER * Math.log(1 + this.requests / W.NEW_LATER_SCALE);
    const first = isTop(page, pages) ? W.NEW_AT_TOP : W.NEW_ELSEWHERE;
    this.scores.fill(IMPOSSIBLE, 0, spaces);
    this.odds.fill(0, 0, spaces + 1);
    this.scores[spaces] = mayOpen ? first + late : IMPOSSIBLE;
    this.#best = this.scores[spaces];
    this.#second = IMPOSSIBLE;
    this.#leastShare = 0;
    const recent = this.recent;
    const total = HARMONIC[recent.length];
    if (before >= 0) this.#weighSpace(choice, before, 1 / (recent.indexOf(before) + 1) / total, change, wanted);
    for (let rank = 0; rank < recent.length; rank++) {
      if (recent[rank] !== before) this.#weighSpace(choice, recent[rank], 1 / (rank + 1) / total, change, wanted);
    }
  }

  /** @param recency - share of the space by how recently it was used */
  #weighSpace(choice: Choice, k: number, recency: number, change: number, wanted: number): void {
    const { isMap, page, pages, context, cpu } = choice;
    const space = this.spaces[k];
    let share = recency;
    if (!context.fresh) share = 0.5 * share + 0.5 * context.shareOf(k, this.spaces.length);
    share *= change;
    if (context.last?.space === k) share += 1 - change;
    if (!isMap) {
      if (space.canUnmap(page, pages)) this.#score(k, Math.log(share) + unmapFit(space, page));
      return;
    }
    if (share < this.#leastShare && k !== wanted) return;
    if (!space.canMap(page, pages)) return;
    const score = Math.log(share);
    const fit = this.#fit;
    fitOf(space, page, pages, cpu, this.grain, fit);
    let odd = fit.odd;
    let { score: own } = fit;
    if (own < 0 && this.goesOn(choice, k)) {
      own = 0;
      odd = false;
    }
    this.#score(k, score + (own + physicalFit(space, choice.physical)));
    this.odds[k] = odd ? 1 : 0;
  }

  /** Notes a score, and what share another space must have to count. */
  #score(k: number, score: number): void {
    this.scores[k] = score;
    if (score <= this.#second) return;
    this.#second = Math.min(score, this.#best);
    this.#best = Math.max(score, this.#best);
    this.#leastShare = Math.exp(Math.max(this.#second, this.#best - W.DOUBT) - W.MOST_FIT - MARGIN);
  }

  /** Whether a map is a further piece of the list that its context is mapping in a space. */
  goesOn({ isMap, page, pages, context: { last } }: Choice, space: number): boolean {
    if (!isMap || last === null || last.space !== space || last.end !== page) return false;
    return goesOn(this.spaces[space], last.base, last.cap, page, pages, this.grain);
  }
}
