import { LiveRanges } from './live-ranges.ts';

/** Above every page that there is. */
const ALL_PAGES = 2 ** 52;

interface Owned {
  readonly ranges: LiveRanges;
  /** Maps that no unmap has met yet, as far as each is met by one of its own. */
  maps: number;
}

/**
 * What each command or process has mapped. An unmap may be made by whoever runs when a device is done, so it belongs to those
 * who have the range mapped. Processes come and go: one that has nothing mapped is forgotten.
 */
export class Owners {
  readonly #live = new Map<string, Owned>();
  /** Who mapped last what begins at a page. */
  readonly #starts = new Map<number, string>();

  map(owner: string, page: number, pages: number): void {
    let owned = this.#live.get(owner);
    if (owned === undefined) {
      owned = { ranges: new LiveRanges(), maps: 0 };
      this.#live.set(owner, owned);
    }
    owned.ranges.add(page, pages);
    owned.maps++;
    this.#starts.set(page, owner);
  }

  /** Whose range is unmapped: that of `own` if it has one there, else of another who has; null when nobody has. */
  unmap(own: string, page: number, pages: number): string | null {
    if (this.#remove(own, page, pages)) return own;
    const last = this.#starts.get(page);
    if (last !== undefined && this.#remove(last, page, pages)) return last;
    for (const owner of this.#live.keys()) if (this.#remove(owner, page, pages)) return owner;
    return null;
  }

  #remove(owner: string, page: number, pages: number): boolean {
    const owned = this.#live.get(owner);
    if (owned?.ranges.overlaps(page, pages) !== true) return false;
    owned.ranges.remove(page, pages);
    owned.maps--;
    if (this.#starts.get(page) === owner) this.#starts.delete(page);
    if (owned.maps <= 0 && !owned.ranges.overlaps(0, ALL_PAGES)) this.#live.delete(owner);
    return true;
  }
}
