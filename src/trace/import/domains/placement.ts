import type { PlacementNotes } from '../import-notes.ts';
import type { ImportOptions } from '../import-options.ts';
import type { DmaEvent } from '../payload.ts';
import { type QuickRequest, stampOf } from '../quick-request.ts';
import type { RecordedRequest } from '../request.ts';
import { NO_STAMP } from '../text/time-stamp.ts';
import { Devices } from './devices.ts';
import { DomainGuess } from './guess/domain-guess.ts';
import { Owners } from './owners.ts';
import { pageOf, pagesOf } from './pages.ts';
import { WaitingRequests } from './waiting-requests.ts';

/** Id of the one address space when requests are not told apart. */
export const SINGLE_DOMAIN = 'all';
/** Id of the address space of requests without a device, or without a command, when told apart by it. */
const UNNAMED = 'unnamed';

/** What takes requests that have found their address space. */
export interface Placed {
  place(request: RecordedRequest, key: string): void;
  /** The request on line `line`. */
  placeQuick(request: QuickRequest, line: number, key: string): void;
}

/** Finds the address space of requests that carry no key, and hands them on in their order. */
export class Placement {
  readonly #to: Placed;
  readonly #options: ImportOptions;
  readonly #notes: PlacementNotes;
  readonly #devices: Devices;
  /** Null until there is something to infer: it takes some memory. */
  #guess: DomainGuess | null = null;
  /** Requests that the inference holds. */
  readonly #guessed = new WaitingRequests();
  readonly #contexts = new Map<string, number>();
  readonly #names: string[] = [];
  /** Ids of the address spaces that no device names, by their number. */
  readonly #inferredKeys: string[] = [];
  readonly #indexOfName = new Map<string, number>();
  readonly #owners = new Owners();

  constructor(options: ImportOptions, notes: PlacementNotes, to: Placed) {
    this.#options = options;
    this.#notes = notes;
    this.#to = to;
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

  /** Whether requests of which nothing but their line is known can be taken now. */
  get takesQuick(): boolean {
    const { domainBy = null, singleDomain = false } = this.#options;
    return this.#devices.idle && (singleDomain || domainBy === null || domainBy === 'dev');
  }

  /** The same as `add` of the request on line `line`, while `takesQuick`. */
  addQuick(request: QuickRequest, line: number): void {
    const { domainBy = null, singleDomain = false } = this.#options;
    this.#notes.requests++;
    if (singleDomain) this.#to.placeQuick(request, line, SINGLE_DOMAIN);
    else if (domainBy === 'dev') this.#to.placeQuick(request, line, UNNAMED);
    else this.#inferQuick(request, line);
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
    if (singleDomain) this.#to.place(request, SINGLE_DOMAIN);
    else if (domainBy === 'dev') this.#to.place(request, request.device ?? UNNAMED);
    else if (domainBy === 'comm') this.#to.place(request, this.#owner(request, request.comm || UNNAMED));
    else if (domainBy === 'pid') this.#to.place(request, this.#owner(request, request.thread));
    else this.#infer(request);
  }

  #infer(request: RecordedRequest): void {
    const { event } = request;
    const isMap = event.kind === 'iommu-map';
    const paddr = isMap ? event.paddr : NOWHERE;
    const named = request.device === null ? -1 : indexIn(this.#indexOfName, request.device, this.#names);
    this.#guess ??= this.#newGuess();
    this.#guessed.add(request);
    this.#guess.add(
      this.#guessed.count - 1,
      isMap,
      event.iova.hi,
      event.iova.lo,
      paddr.hi,
      paddr.lo,
      event.size,
      this.#context(request.thread, request.level),
      request.cpu,
      request.ts === NO_STAMP ? -1 : request.ts,
      named,
    );
  }

  #inferQuick(request: QuickRequest, line: number): void {
    const { head, isMap } = request;
    if (head.context < 0) head.context = this.#context(head.thread, head.level);
    this.#guess ??= this.#newGuess();
    this.#guessed.addQuick(request, line);
    this.#guess.add(
      this.#guessed.count - 1,
      isMap,
      request.iovaHi,
      request.iovaLo,
      isMap ? request.paddrHi : 0,
      isMap ? request.paddrLo : 0,
      request.size,
      head.context,
      head.cpu,
      stampOf(request),
      -1,
    );
  }

  #newGuess(): DomainGuess {
    return new DomainGuess((_, domain) => this.#inferred(domain));
  }

  #inferred(domain: number): void {
    const { request, quick, line } = this.#guessed.shift();
    const name = this.#guess?.nameOfDomain(domain) ?? -1;
    if (name < 0) this.#inferredKeys[domain] ??= `inferred-${domain + 1}`;
    const key = name >= 0 ? this.#names[name] : this.#inferredKeys[domain];
    if (request === null) this.#to.placeQuick(quick, line, key);
    else this.#to.place(request, key);
  }

  #context(thread: string, level: number): number {
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
