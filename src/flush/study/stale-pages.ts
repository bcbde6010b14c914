import { RunSet } from './run-set.ts';

/**
 * Physical pages that old translations may still reach, over all address spaces under one policy: of each page the translation
 * that was removed last. In the runs, address + `shift` is the IOVA and the tag is the address space.
 */
export class StalePages {
  readonly runs = new RunSet();

  /** The IOVAs [start, end) of an address space led to `shift` bytes further, and have been removed. */
  add(space: number, start: number, end: number, shift: number): void {
    if (!Number.isNaN(shift)) this.runs.add(start + shift, end + shift, -shift, space);
  }

  /** They have been invalidated. What other IOVAs led to since then stays. */
  drop(space: number, start: number, end: number, shift: number): void {
    if (Number.isNaN(shift) || this.runs.size === 0) return;
    const own: number[] = [];
    this.runs.each(start + shift, end + shift, (from, to, back, tag) => {
      if (tag === space && back === -shift) own.push(from, to);
    });
    for (let i = 0; i < own.length; i += 2) this.runs.remove(own[i], own[i + 1]);
  }

  /** Whether pages that IOVAs lead to now can still be reached through another IOVA, or from another address space. */
  reachable(space: number, start: number, end: number, shift: number): boolean {
    let found = false;
    this.runs.each(start + shift, end + shift, (_from, _to, back, tag) => {
      if (tag !== space || back !== -shift) found = true;
    });
    return found;
  }
}
