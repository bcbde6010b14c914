import { type Choice, NO_CHOICE } from './choice.ts';
import { IovaSpace } from './iova-space.ts';
import type { Journal } from './journal.ts';
import { IMPOSSIBLE, Weighing } from './weighing.ts';
import * as W from './weights.ts';

/** Chooses address spaces for requests, one at a time, and carries the requests out there; journals can take all of it back. */
export class Decisions {
  readonly weighing = new Weighing();
  /** Address spaces in the order in which they showed themselves. */
  readonly spaces = this.weighing.spaces;

  /** Chooses a space for a request, or takes `forced`, and carries it out there. False when `forced` cannot take it. */
  decide(choice: Choice, forced: number): boolean {
    const { named } = choice;
    if (named >= 0) {
      this.carryOut(choice, this.#spaceOf(named, choice.journal), 0, NO_CHOICE, 0);
      return true;
    }
    const spaces = this.spaces.length;
    this.weighing.weigh(choice, forced);
    const { scores } = this.weighing;
    let best = NO_CHOICE;
    let second = NO_CHOICE;
    let able = 0;
    for (let k = 0; k <= spaces; k++) {
      if (scores[k] === IMPOSSIBLE) continue;
      able++;
      if (best < 0 || scores[k] > scores[best]) {
        second = best;
        best = k;
      } else if (second < 0 || scores[k] > scores[second]) second = k;
    }
    choice.unknown = best < 0;
    choice.ambiguous = !choice.isMap && able > 1;
    let score = best < 0 ? W.UNKNOWN : scores[best];
    let margin = second < 0 ? Number.POSITIVE_INFINITY : score - scores[second];
    if (best < 0) best = Math.min(choice.context.last?.space ?? 0, spaces);
    if (forced >= 0 && forced !== best) {
      if (choice.unknown || forced > spaces || scores[forced] === IMPOSSIBLE) return false;
      margin = scores[forced] - score;
      second = best;
      best = forced;
      score = scores[forced];
    }
    if (best === spaces) this.open(-1, choice.journal);
    this.carryOut(choice, best, score, second, margin);
    return true;
  }

  /** Carries a request out in the space `at`, for which it had a score, and by a margin over the `second`; -1: there is none. */
  carryOut(choice: Choice, at: number, score: number, second: number, margin: number): void {
    const { isMap, page, pages, cpu, journal, context } = choice;
    const space = this.spaces[at];
    const goesOn = this.weighing.goesOn(choice, at);
    choice.space = at;
    choice.score = score;
    choice.second = second;
    choice.margin = margin;
    this.touch(at, journal);
    let cap = 0;
    if (isMap) {
      const odd = choice.named < 0 && this.weighing.odds[at] === 1;
      cap = space.map(page, pages, cpu, choice.physical, odd, goesOn, journal);
    } else space.unmap(page, pages, cpu, this.weighing.grain, journal);
    const { last } = context;
    const list = goesOn && last !== null ? last : { base: page, cap };
    context.note(
      { space: at, ns: choice.ns, end: isMap ? page + pages : -1, base: list.base, cap: isMap ? list.cap : 0 },
      journal,
    );
  }

  /** Makes a space the one used last. */
  touch(space: number, journal: Journal): void {
    const { recent } = this.weighing;
    if (recent[0] === space) return;
    const rank = recent.indexOf(space);
    if (rank >= 0) recent.splice(rank, 1);
    recent.unshift(space);
    journal.undo(() => {
      recent.shift();
      if (rank >= 0) recent.splice(rank, 0, space);
    });
  }

  /** Opens a new space, whose device is `named` (-1: inferred); its number. */
  open(named: number, journal: Journal): number {
    this.spaces.push(new IovaSpace(named));
    journal.undo(() => this.spaces.pop());
    return this.spaces.length - 1;
  }

  #spaceOf(named: number, journal: Journal): number {
    const known = this.spaces.findIndex((space) => space.named === named);
    return known >= 0 ? known : this.open(named, journal);
  }
}
