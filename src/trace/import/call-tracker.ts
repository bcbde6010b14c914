import { addHi, addLo, compare64 } from '../../base/u64.ts';
import type { IommuMap, IommuUnmap, PgtableCall, PgtableReturn } from './payload.ts';

/** A probed call with what is known of it. */
export interface TrackedCall {
  readonly call: PgtableCall;
  readonly thread: string;
  readonly line: number;
  /** What the thread was doing: 0 task, 1 softirq, 2 hardirq, 3 NMI. */
  readonly level: number;
  /** What it returned, null when the recording does not say. */
  ret: number | null;
}

/** A run of neighbouring calls of one request, to match with the iommu event that follows it. */
interface Request {
  readonly call: PgtableCall;
  endHi: number;
  endLo: number;
  /** Bytes that the unmaps returned. */
  returned: number;
  failed: boolean;
  complete: boolean;
}

const REQUESTS_KEPT = 16;
/** Entries without any return in the whole recording after which returns are no longer waited for. */
const PATIENCE = 16;

/**
 * Pairs entries and returns of probed calls by thread, nested ones included, and remembers each thread's latest requests
 * so that `iommu:*` lines find the page table they were about.
 */
export class CallTracker {
  readonly #open = new Map<string, TrackedCall[]>();
  readonly #requests = new Map<string, Request[]>();
  readonly #emit: (call: TrackedCall) => void;
  #waiting = 0;
  #returnsSeen = false;
  #returnsAbsent = false;
  /** Returns without an entry. */
  orphanReturns = 0;
  /** Entries without a return, in a recording that has returns. */
  unreturned = 0;

  constructor(emit: (call: TrackedCall) => void) {
    this.#emit = emit;
  }

  enter(call: PgtableCall, thread: string, line: number, level = 0): void {
    const tracked: TrackedCall = { call, thread, line, level, ret: null };
    if (this.#returnsAbsent) {
      this.#done(tracked);
      return;
    }
    const stack = this.#open.get(thread);
    if (stack === undefined) this.#open.set(thread, [tracked]);
    else {
      // Only an interrupt can nest calls; one that began on the same level or above has ended unseen.
      this.#giveUp(stack, level);
      stack.push(tracked);
    }
    this.#waiting++;
    if (!this.#returnsSeen && this.#waiting + this.unreturned >= PATIENCE) {
      this.#returnsAbsent = true;
      this.unreturned = 0;
      this.#flush();
    }
  }

  leave(event: PgtableReturn, thread: string, level = 0): void {
    this.#returnsSeen = true;
    this.#returnsAbsent = false;
    const stack = this.#open.get(thread);
    if (stack !== undefined) {
      this.#giveUp(stack, level + 1);
      const tracked = stack.at(-1);
      if (tracked !== undefined && tracked.level === level && tracked.call.isMap === event.isMap) {
        stack.pop();
        this.#waiting--;
        tracked.ret = event.ret;
        this.#done(tracked);
        return;
      }
    }
    this.orphanReturns++;
  }

  /** Hands over what still waits, in the order of the recording. */
  finish(): void {
    this.unreturned = this.#returnsSeen ? this.unreturned + this.#waiting : 0;
    this.#flush();
  }

  /**
   * The request that an `iommu:*` line of the same thread closes: its page table's key and whether the calls below add up
   * to what the line says. Null when no call of that thread was about its range.
   */
  requestOf(event: IommuMap | IommuUnmap, thread: string): { key: string; agrees: boolean } | null {
    const requests = this.#requests.get(thread);
    if (requests === undefined) return null;
    const isMap = event.kind === 'iommu-map';
    const endHi = addHi(event.iova.hi, event.iova.lo, event.size - 1);
    const endLo = addLo(event.iova.lo, event.size - 1);
    for (let i = requests.length - 1; i >= 0; i--) {
      const { call } = requests[i];
      if (call.isMap !== isMap) continue;
      if (compare64(call.iova.hi, call.iova.lo, event.iova.hi, event.iova.lo) < 0) continue;
      if (compare64(call.iova.hi, call.iova.lo, endHi, endLo) > 0) continue;
      const request = requests[i];
      requests.splice(i, 1);
      return { key: call.key, agrees: agrees(request, event) };
    }
    return null;
  }

  /** Hands over the calls of a thread on this level and above without what they returned, the oldest first. */
  #giveUp(stack: TrackedCall[], level: number): void {
    if (stack.length === 0 || stack[stack.length - 1].level < level) return;
    const from = stack.findIndex((tracked) => tracked.level >= level);
    for (const tracked of stack.splice(from)) {
      this.#waiting--;
      this.unreturned++;
      this.#done(tracked);
    }
  }

  #done(tracked: TrackedCall): void {
    this.#remember(tracked);
    this.#emit(tracked);
  }

  #flush(): void {
    const rest = [...this.#open.values()].flat().sort((a, b) => a.line - b.line);
    this.#open.clear();
    this.#waiting = 0;
    for (const tracked of rest) this.#done(tracked);
  }

  #remember(tracked: TrackedCall): void {
    const { call, ret } = tracked;
    const asked = call.pgsize * call.pgcount;
    const bytes = call.isMap || ret === null ? asked : ret;
    let requests = this.#requests.get(tracked.thread);
    if (requests === undefined) {
      requests = [];
      this.#requests.set(tracked.thread, requests);
    }
    const last = requests.at(-1);
    const failed = call.isMap ? ret !== null && ret !== 0 : false;
    const endHi = addHi(call.iova.hi, call.iova.lo, bytes);
    const endLo = addLo(call.iova.lo, bytes);
    const follows =
      last !== undefined &&
      last.call.isMap === call.isMap &&
      last.call.key === call.key &&
      compare64(call.iova.hi, call.iova.lo, last.call.iova.hi, last.call.iova.lo) > 0 &&
      (compare64(call.iova.hi, call.iova.lo, last.endHi, last.endLo) <= 0 || (last.endHi === 0 && last.endLo === 0));
    if (follows) {
      last.endHi = endHi;
      last.endLo = endLo;
      last.returned += call.isMap ? 0 : (ret ?? 0);
      last.failed ||= failed;
      last.complete &&= ret !== null;
      return;
    }
    requests.push({
      call,
      endHi,
      endLo,
      returned: call.isMap ? 0 : (ret ?? 0),
      failed,
      complete: ret !== null,
    });
    if (requests.length > REQUESTS_KEPT) requests.shift();
  }
}

/** Whether the raw calls add up to the request that the iommu layer reports. */
function agrees(request: Request, event: IommuMap | IommuUnmap): boolean {
  if (!request.complete) return true;
  const { call } = request;
  if (compare64(call.iova.hi, call.iova.lo, event.iova.hi, event.iova.lo) !== 0) return false;
  if (event.kind === 'iommu-unmap') return event.unmapped === null || request.returned === event.unmapped;
  if (request.failed) return false;
  if (compare64(call.paddr.hi, call.paddr.lo, event.paddr.hi, event.paddr.lo) !== 0) return false;
  const endHi = addHi(event.iova.hi, event.iova.lo, event.size);
  const endLo = addLo(event.iova.lo, event.size);
  return endHi === request.endHi && endLo === request.endLo;
}
