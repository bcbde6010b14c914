import { type Address, distance64 } from '../../../base/u64.ts';
import { NO_THREAD } from '../log/line-reader.ts';
import type { IommuMap, IommuUnmap, LoggedCall } from '../payload.ts';
import type { RecordedRequest } from '../request.ts';

/** Requests whose raw calls may still come: CPUs log side by side. */
const OPEN_REQUESTS = 16;

/** A request and what has come for it. */
interface OpenRequest {
  readonly request: RecordedRequest;
  /** Bytes of its calls, and of the last of them. */
  done: number;
  last: number;
  /** A map that failed, or the unmap that took it back: neither has left anything behind. */
  dropped: boolean;
}

/**
 * Puts the raw calls that the kernel logs (`mapping:`, `unmapped:`) to the request that it logged before them, and hands
 * requests on in their order, with all their calls.
 *
 * A map is logged before it is tried, each of its calls as well. When one fails, the core unmaps what the others have done
 * (`iommu.c:iommu_map`, `iommu_map_nosync`): such an unmap is left out together with its map.
 */
export class LoggedCalls {
  readonly #release: (request: RecordedRequest) => void;
  readonly #open: OpenRequest[] = [];
  /** Unmaps that only took back what a failed map had done. */
  rolledBack = 0;

  constructor(release: (request: RecordedRequest) => void) {
    this.#release = release;
  }

  /** A request with an empty list of calls, or with the one that stands for a request that was lost. */
  request(request: RecordedRequest): void {
    const done = (request.calls ?? []).reduce((sum, { bytes }) => sum + bytes, 0);
    const opened: OpenRequest = { request, done, last: done, dropped: false };
    const failed = this.#failedMap(request);
    if (failed !== undefined) {
      failed.dropped = true;
      opened.dropped = true;
      this.rolledBack++;
    }
    this.#open.push(opened);
    while (this.#open.length > OPEN_REQUESTS || this.#isComplete(0)) this.#releaseUpTo(0);
  }

  /** A call; false when no open request is about its range: its request was lost. */
  call(call: LoggedCall, thread: string): boolean {
    const open = this.#next(call, thread) ?? this.#holder(call, thread);
    if (open === undefined) return false;
    open.request.calls?.push(call);
    open.done += call.bytes;
    open.last = call.bytes;
    return true;
  }

  finish(): void {
    this.#releaseUpTo(this.#open.length - 1);
  }

  /** The map that an unmap takes back; undefined when the unmap stands for itself. */
  #failedMap({ event, thread }: RecordedRequest): OpenRequest | undefined {
    if (event.kind !== 'iommu-unmap') return undefined;
    for (let i = this.#open.length - 1; i >= 0; i--) {
      const open = this.#open[i];
      if (open.request.thread !== thread) continue;
      if (isRollBack(event, open)) return open;
      // Where lines name no thread, others may have logged in between.
      if (thread !== NO_THREAD) return undefined;
    }
    return undefined;
  }

  /** The request whose next call this is; of several the newest, as older ones may be waiting for calls that never came. */
  #next(call: LoggedCall, thread: string): OpenRequest | undefined {
    return this.#open.findLast((open) => open.request.thread === thread && continues(open, call));
  }

  /** The request that a call lies in, although calls between are missing. */
  #holder(call: LoggedCall, thread: string): OpenRequest | undefined {
    return this.#open.findLast(
      (open) =>
        open.request.thread === thread &&
        holds(open.request.event, call) &&
        (thread !== NO_THREAD || open.done < open.request.event.size),
    );
  }

  /** Whether nothing more can come for a request; where lines name no thread, only its size tells. */
  #isComplete(index: number): boolean {
    const { request, done } = this.#open[index];
    if (index === this.#open.length - 1) return false;
    if (request.thread === NO_THREAD) return done >= request.event.size;
    // A thread makes one request after the other, so the calls of its last one are complete.
    return this.#open.some((later, i) => i > index && later.request.thread === request.thread);
  }

  #releaseUpTo(last: number): void {
    for (const { request, dropped } of this.#open.splice(0, last + 1)) {
      if (!dropped) this.#release(request);
    }
  }
}

/**
 * Whether an unmap takes back what all calls of a map but the last have done. A last call may have done a part of its work:
 * that counts where the calls are fewer than the map was asked for, which says that it failed.
 */
function isRollBack(unmap: IommuUnmap, { request, done, last, dropped }: OpenRequest): boolean {
  const { event } = request;
  if (dropped || event.kind !== 'iommu-map' || unmap.size >= event.size) return false;
  if (unmap.iova.hi !== event.iova.hi || unmap.iova.lo !== event.iova.lo) return false;
  if (done === 0) return unmap.size === 0;
  return unmap.size === done - last || (done < event.size && unmap.size > done - last && unmap.size < done);
}

/** Whether a call begins where the calls of a request have got to, and fits in what is left of it. */
function continues({ request, done }: OpenRequest, call: LoggedCall): boolean {
  const { event } = request;
  if (!holds(event, call) || offset(event.iova, call.iova) !== done || done + call.bytes > event.size) return false;
  return event.kind !== 'iommu-map' || offset(event.paddr, call.paddr) === done;
}

/** Whether a call begins within what was asked. */
function holds(request: IommuMap | IommuUnmap, call: LoggedCall): boolean {
  if ((request.kind === 'iommu-map') !== call.isMap) return false;
  const from = offset(request.iova, call.iova);
  return from >= 0 && from < request.size;
}

/** Bytes from one address up to another. */
function offset(from: Address, to: Address): number {
  return distance64(to.hi, to.lo, from.hi, from.lo);
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
