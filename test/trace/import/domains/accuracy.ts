import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { CallTracker } from '../../../../src/trace/import/calls/call-tracker.ts';
import type { RequestLog } from '../../../../src/trace/import/calls/request-log.ts';
import { DomainGuess } from '../../../../src/trace/import/domains/guess/domain-guess.ts';
import { LiveRanges } from '../../../../src/trace/import/domains/live-ranges.ts';
import { pageOf, pagesOf } from '../../../../src/trace/import/domains/pages.ts';
import { EventLineReader } from '../../../../src/trace/import/text/event-line.ts';

/** A request, and the address space that it truly belonged to. */
export interface KnownRequest {
  readonly isMap: boolean;
  readonly iova: { readonly hi: number; readonly lo: number };
  readonly paddr: { readonly hi: number; readonly lo: number };
  readonly size: number;
  readonly context: string;
  readonly cpu: number;
  readonly ns: number;
  readonly key: string;
}

/** The requests of a recording whose probes tell the address space of each. */
export function knownRequests(path: string): KnownRequest[] {
  const text = gunzipSync(readFileSync(path));
  const reader = new EventLineReader();
  const calls = new CallTracker(() => {});
  const log: RequestLog = calls.requests;
  const requests: KnownRequest[] = [];
  for (let at = 0, line = 1; at < text.length; line++) {
    const end = text.indexOf(10, at);
    const event = reader.read(text, at, end);
    at = end + 1;
    const payload = event?.payload ?? null;
    if (event === null || payload === null) continue;
    if (payload.kind === 'call') calls.enter(payload, event.thread, line, event.level);
    else if (payload.kind === 'return') calls.leave(payload, event.thread, event.level);
    else if (payload.kind === 'iommu-map' || payload.kind === 'iommu-unmap') {
      const placed = log.close(payload, event.thread, event.level);
      if (placed === null || placed.rollBack) continue;
      const isMap = payload.kind === 'iommu-map';
      requests.push({
        isMap,
        iova: payload.iova,
        paddr: payload.kind === 'iommu-map' ? payload.paddr : { hi: 0, lo: 0 },
        size: payload.size,
        context: `${event.thread}/${event.level}`,
        cpu: event.cpu,
        ns: event.seconds * 1e9 + event.nanos,
        key: placed.key,
      });
    }
  }
  return requests;
}

/** The space of each request as it is inferred. */
export function infer(requests: readonly KnownRequest[]): { readonly spaces: number[]; readonly guess: DomainGuess } {
  const spaces: number[] = [];
  const guess = new DomainGuess((ticket, domain) => {
    spaces[ticket] = domain;
  });
  const contexts = new Map<string, number>();
  for (const [i, { isMap, iova, paddr, size, context, cpu, ns }] of requests.entries()) {
    if (!contexts.has(context)) contexts.set(context, contexts.size);
    guess.add(i, isMap, iova.hi, iova.lo, paddr.hi, paddr.lo, size, contexts.get(context) ?? 0, cpu, ns, -1);
  }
  guess.finish();
  return { spaces, guess };
}

/** The space of each request as the first that can take it. */
export function firstFit(requests: readonly KnownRequest[]): number[] {
  const live: LiveRanges[] = [];
  return requests.map(({ isMap, iova, size }) => {
    const page = pageOf(iova.hi, iova.lo);
    const pages = pagesOf(iova.lo, size);
    const found = live.findIndex((ranges) =>
      isMap ? !ranges.overlaps(page, pages) : ranges.livePages(page, pages) === pages,
    );
    const space = found >= 0 ? found : isMap ? live.push(new LiveRanges()) - 1 : 0;
    if (isMap) live[space].add(page, pages);
    else live[space]?.remove(page, pages);
    return space;
  });
}

/** Shares of requests that were placed rightly, in percent. */
export interface Accuracy {
  readonly maps: number;
  readonly unmaps: number;
  /** Unmaps that took away the very mapping that they truly took away. */
  readonly pairs: number;
  readonly spaces: number;
  /** Maps over what the same space has live: must never be. */
  readonly overlaps: number;
}

/** Holds inferred spaces against the truth, each inferred one standing for the true one that it shares most with. */
export function accuracy(requests: readonly KnownRequest[], spaces: readonly number[]): Accuracy {
  const keys = [...new Set(requests.map(({ key }) => key))];
  const shared = new Map<string, number>();
  for (const [i, { key }] of requests.entries()) {
    const pair = `${spaces[i]} ${key}`;
    shared.set(pair, (shared.get(pair) ?? 0) + 1);
  }
  // One to one, the largest agreement first.
  const stands = new Map<number, string>();
  const taken = new Set<string>();
  for (const [pair] of [...shared].sort((a, b) => b[1] - a[1])) {
    const [space, key] = pair.split(' ');
    if (stands.has(Number(space)) || taken.has(key)) continue;
    stands.set(Number(space), key);
    taken.add(key);
  }
  const truth = new Map(keys.map((key) => [key, new Map<number, number>()]));
  const ours = new Map<number, Map<number, number>>();
  const counts = { maps: 0, mapsRight: 0, unmaps: 0, unmapsRight: 0, pairs: 0, pairsRight: 0, overlaps: 0 };
  for (const [i, { isMap, iova, size, key }] of requests.entries()) {
    const page = pageOf(iova.hi, iova.lo);
    const pages = pagesOf(iova.lo, size);
    const space = spaces[i];
    if (!ours.has(space)) ours.set(space, new Map());
    const [true_, inferred] = [truth.get(key), ours.get(space)];
    if (true_ === undefined || inferred === undefined) continue;
    const right = stands.get(space) === key;
    if (isMap) {
      counts.maps++;
      if (right) counts.mapsRight++;
      for (let at = page; at < page + pages; at++) {
        if (inferred.has(at)) counts.overlaps++;
        true_.set(at, i);
        inferred.set(at, i);
      }
      continue;
    }
    counts.unmaps++;
    if (right) counts.unmapsRight++;
    if (true_.has(page)) {
      counts.pairs++;
      if (true_.get(page) === inferred.get(page)) counts.pairsRight++;
    }
    for (let at = page; at < page + pages; at++) {
      true_.delete(at);
      inferred.delete(at);
    }
  }
  const percent = (part: number, whole: number): number => Math.round((10_000 * part) / whole) / 100;
  return {
    maps: percent(counts.mapsRight, counts.maps),
    unmaps: percent(counts.unmapsRight, counts.unmaps),
    pairs: percent(counts.pairsRight, counts.pairs),
    spaces: ours.size,
    overlaps: counts.overlaps,
  };
}
