import type { PlacementNotes } from '../import-notes.ts';
import type { ImportOptions } from '../import-options.ts';
import type { DmaEvent } from '../payload.ts';
import type { RecordedRequest } from '../request.ts';
import { NO_STAMP } from '../text/time-stamp.ts';
import { Devices } from './devices.ts';
import { DomainGuess } from './guess/domain-guess.ts';
import { Owners } from './owners.ts';
import { pageOf, pagesOf } from './pages.ts';

/** Id of the one address space when requests are not told apart. */
export const SINGLE_DOMAIN = 'all';
/** Id of the address space of requests without a device, or without a command, when told apart by it. */
const UNNAMED = 'unnamed';

/** Finds the address space of requests that carry no key, and hands them on in their order. */
export class Placement {
  readonly #place: (request: RecordedRequest, key: string) => void;
  readonly #options: ImportOptions;
  readonly #notes: PlacementNotes;
  readonly #devices: Devices;
  /** Null until there is something to infer: it takes some memory. */
  #guess: DomainGuess | null = null;
  /** Requests that the inference holds, oldest first. */
  readonly #guessed: RecordedRequest[] = [];
  #head = 0;
  readonly #contexts = new Map<string, number>();
  readonly #names: string[] = [];
  readonly #indexOfName = new Map<string, number>();
  readonly #owners = new Owners();

  constructor(options: ImportOptions, notes: PlacementNotes, place: (request: RecordedRequest, key: string) => void) {
    this.#options = options;
    this.#notes = notes;
    this.#place = place;
    this.#devices = new Devices((request) => this.#named(request));
    notes.by = null;
  }

  add(request: RecordedRequest): void {
    const { domainBy = null, singleDomain = false } = this.#options;
    this.#notes.requests++;
    // Devices tell the direction of transfers also where they do not tell address spaces apart.
    this.#notes.by = singleDomain ? 'single' : (domainBy ?? 'inference');
    this.#devices.add(request);
  }

  device(event: DmaEvent, thread: string, level: number): void {
    this.#devices.event(event, thread, level);
  }

  finish(): void {
    this.#devices.finish();
    this.#guess?.finish();
    this.#notes.ambiguous += this.#guess?.ambiguous ?? 0;
    this.#notes.unknown += this.#guess?.unknown ?? 0;
    if (this.#notes.by === 'inference' && this.#notes.named === this.#notes.requests) this.#notes.by = 'dev';
  }

  /** A request of which all is known that events beside it tell. */
  #named(request: RecordedRequest): void {
    const { domainBy = null, singleDomain = false } = this.#options;
    if (request.device !== null) this.#notes.named++;
    if (singleDomain) this.#place(request, SINGLE_DOMAIN);
    else if (domainBy === 'dev') this.#place(request, request.device ?? UNNAMED);
    else if (domainBy === 'comm') this.#place(request, this.#owner(request, request.comm || UNNAMED));
    else if (domainBy === 'pid') this.#place(request, this.#owner(request, request.thread));
    else this.#infer(request);
  }

  #infer(request: RecordedRequest): void {
    const { event } = request;
    const isMap = event.kind === 'iommu-map';
    const paddr = isMap ? event.paddr : NOWHERE;
    this.#guessed.push(request);
    const named = request.device === null ? -1 : indexIn(this.#indexOfName, request.device, this.#names);
    this.#guess ??= new DomainGuess((_, domain) => this.#inferred(domain));
    this.#guess.add(
      this.#guessed.length - 1,
      isMap,
      event.iova.hi,
      event.iova.lo,
      paddr.hi,
      paddr.lo,
      event.size,
      this.#context(request),
      request.cpu,
      request.ts === NO_STAMP ? -1 : request.ts,
      named,
    );
  }

  #inferred(domain: number): void {
    const request = this.#guessed[this.#head++];
    if (this.#head > 4096 && this.#head * 2 > this.#guessed.length) {
      this.#guessed.splice(0, this.#head);
      this.#head = 0;
    }
    const name = this.#guess?.nameOfDomain(domain) ?? -1;
    this.#place(request, name >= 0 ? this.#names[name] : `inferred-${domain + 1}`);
  }

  #context({ thread, level }: RecordedRequest): number {
    return indexIn(this.#contexts, level === 0 ? thread : `${thread}/${level}`);
  }

  /** Whose request it is. */
  #owner({ event }: RecordedRequest, own: string): string {
    const page = pageOf(event.iova.hi, event.iova.lo);
    const pages = pagesOf(event.iova.lo, event.size);
    if (event.kind === 'iommu-map') {
      this.#owners.map(own, page, pages);
      return own;
    }
    const owner = this.#owners.unmap(own, page, pages);
    if (owner === null) this.#notes.unknown++;
    return owner ?? own;
  }
}

const NOWHERE = { hi: 0, lo: 0 };

/** The number of a name, a new one when it is new. */
function indexIn(known: Map<string, number>, name: string, names?: string[]): number {
  let index = known.get(name);
  if (index === undefined) {
    index = known.size;
    known.set(name, index);
    names?.push(name);
  }
  return index;
}
