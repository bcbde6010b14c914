import { distance64 } from '../../../base/u64.ts';
import type { IommuMap, IommuUnmap, LoggedCall } from '../payload.ts';
import type { RecordedRequest } from '../request.ts';

/** Requests whose raw calls may still come: CPUs log side by side. */
const OPEN_REQUESTS = 16;

/**
 * Puts the raw calls that the kernel logs (`mapping:`, `unmapped:`) to the request that it logged before them, and hands
 * requests on in their order, with all their calls.
 */
export class LoggedCalls {
  readonly #release: (request: RecordedRequest) => void;
  readonly #open: RecordedRequest[] = [];

  constructor(release: (request: RecordedRequest) => void) {
    this.#release = release;
  }

  /** A request with an empty list of calls. */
  request(request: RecordedRequest): void {
    // A thread makes one request after the other, so the calls of its last one are complete.
    const before = this.#open.findIndex(({ thread }) => thread === request.thread);
    this.#open.push(request);
    if (before === 0 || this.#open.length > OPEN_REQUESTS) this.#releaseUpTo(Math.max(0, before));
  }

  /** A call; false when no open request is about its range: its request was lost. */
  call(call: LoggedCall, thread: string): boolean {
    for (let i = this.#open.length - 1; i >= 0; i--) {
      const request = this.#open[i];
      if (request.thread !== thread || !holds(request.event, call)) continue;
      request.calls?.push(call);
      return true;
    }
    return false;
  }

  finish(): void {
    this.#releaseUpTo(this.#open.length - 1);
  }

  #releaseUpTo(last: number): void {
    for (const request of this.#open.splice(0, last + 1)) this.#release(request);
  }
}

/** Whether a call begins within what was asked. */
function holds(request: IommuMap | IommuUnmap, call: LoggedCall): boolean {
  if ((request.kind === 'iommu-map') !== call.isMap) return false;
  const from = distance64(call.iova.hi, call.iova.lo, request.iova.hi, request.iova.lo);
  return from >= 0 && from < request.size;
}

/**
 * The page size that the core chose for an unmap call, which the log does not tell: the largest that its address is
 * aligned to and that fits in what was left of the request (`iommu.c:iommu_pgsize`).
 * @param sizes - page sizes of the address space in bytes, rising
 */
export function unmapPgsize(request: IommuMap | IommuUnmap, call: LoggedCall, sizes: readonly number[]): number {
  const done = distance64(call.iova.hi, call.iova.lo, request.iova.hi, request.iova.lo);
  const left = Math.max(request.size - done, call.bytes);
  let chosen = sizes[0];
  for (const size of sizes) {
    const aligned = size >= 2 ** 32 ? call.iova.lo === 0 : call.iova.lo % size === 0;
    if (aligned && size <= left && size <= Math.max(call.bytes, sizes[0])) chosen = size;
  }
  return chosen;
}
