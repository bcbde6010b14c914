import { LiveRanges } from '../live-ranges.ts';
import { pageOf, pagesOf } from '../pages.ts';

/** Tells address spaces apart by what is live: the first that can take a request gets it. */
export class DomainGuess {
  readonly #live: LiveRanges[] = [];
  readonly #names: number[] = [];
  readonly #release: (ticket: number, domain: number, ambiguous: boolean) => void;
  ambiguous = 0;
  unknown = 0;

  constructor(release: (ticket: number, domain: number, ambiguous: boolean) => void) {
    this.#release = release;
  }

  get domains(): number {
    return this.#live.length;
  }

  add(
    ticket: number,
    isMap: boolean,
    iovaHi: number,
    iovaLo: number,
    _paddrHi: number,
    _paddrLo: number,
    size: number,
    _context: number,
    _cpu: number,
    _ns: number,
    named: number,
  ): void {
    const page = pageOf(iovaHi, iovaLo);
    const pages = pagesOf(iovaLo, size);
    const fits = this.#live.flatMap((live, k) => (live.overlaps(page, pages) !== isMap ? [k] : []));
    let domain = named >= 0 ? this.#names.indexOf(named) : (fits[0] ?? -1);
    const ambiguous = named < 0 && !isMap && fits.length > 1;
    if (ambiguous) this.ambiguous++;
    if (named < 0 && !isMap && fits.length === 0) {
      this.unknown++;
      domain = 0;
    }
    if (domain < 0 || domain >= this.#live.length) {
      domain = this.#live.length;
      this.#live.push(new LiveRanges());
      this.#names.push(named);
    }
    if (isMap) this.#live[domain].add(page, pages);
    else this.#live[domain].remove(page, pages);
    this.#release(ticket, domain, ambiguous);
  }

  finish(): void {}

  /** The device of a domain, -1 where it was inferred. */
  nameOfDomain(domain: number): number {
    return this.#names[domain];
  }
}
