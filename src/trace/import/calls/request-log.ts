import { addHi, addLo, compare64 } from '../../../base/u64.ts';
import type { IommuMap, IommuUnmap, PgtableCall } from '../payload.ts';

/** A finished raw call and where it ran. */
export interface LoggedCall {
  readonly call: PgtableCall;
  readonly thread: string;
  /** Interrupt level; an interrupt's requests are its own. */
  readonly level: number;
  /** Null when the recording does not say. */
  readonly ret: number | null;
}

/** Neighbouring calls that the core made for one request. */
interface Request {
  readonly call: PgtableCall;
  endHi: number;
  endLo: number;
  /** Bytes that the unmaps returned. */
  returned: number;
  /** A map failed, or an unmap met a hole: the core makes no further call for it. */
  ended: boolean;
  failed: boolean;
  /** Every call's return is known. */
  complete: boolean;
}

/** What an `iommu:*` line is about. */
export interface Placement {
  readonly key: string;
  /** Protection that the calls below were given, null: not recorded. */
  readonly prot: number | null;
  /** The calls below add up to what the line says. */
  readonly agrees: boolean;
  /** The unmap only takes back what a failed map had done; no line tells of that map. */
  readonly rollBack: boolean;
}

const REQUESTS_KEPT = 16;

/** The latest requests of each thread, put together from raw calls, for the `iommu:*` lines that close them. */
export class RequestLog {
  readonly #requests = new Map<string, Request[]>();

  add({ call, thread, level, ret }: LoggedCall): void {
    const requests = this.#of(thread, level);
    const bytes = call.isMap || ret === null ? call.pgsize * call.pgcount : ret;
    const failed = call.isMap && ret !== null && ret !== 0;
    const ended = failed || (!call.isMap && ret === 0);
    const endHi = addHi(call.iova.hi, call.iova.lo, bytes);
    const endLo = addLo(call.iova.lo, bytes);
    const returned = call.isMap ? 0 : (ret ?? 0);
    const last = requests.at(-1);
    if (last !== undefined && continues(last, call)) {
      last.endHi = endHi;
      last.endLo = endLo;
      last.returned += returned;
      last.ended = ended;
      last.failed = failed;
      last.complete &&= ret !== null;
      return;
    }
    requests.push({ call, endHi, endLo, returned, ended, failed, complete: ret !== null });
    if (requests.length > REQUESTS_KEPT) requests.shift();
  }

  /** The request that a line of the same thread and level closes; null when none was about its range. */
  close(event: IommuMap | IommuUnmap, thread: string, level: number): Placement | null {
    const requests = this.#of(thread, level);
    const isMap = event.kind === 'iommu-map';
    const lastHi = addHi(event.iova.hi, event.iova.lo, event.size - 1);
    const lastLo = addLo(event.iova.lo, event.size - 1);
    for (let i = requests.length - 1; i >= 0; i--) {
      const { call, failed } = requests[i];
      // A map that failed never gets a line of its own.
      if (call.isMap !== isMap || failed) continue;
      if (compare64(call.iova.hi, call.iova.lo, event.iova.hi, event.iova.lo) < 0) continue;
      if (compare64(call.iova.hi, call.iova.lo, lastHi, lastLo) > 0) continue;
      const [request] = requests.splice(i, 1);
      const before = requests[i - 1];
      const rollBack =
        !isMap &&
        before?.failed === true &&
        before.call.key === call.key &&
        compare64(before.call.iova.hi, before.call.iova.lo, call.iova.hi, call.iova.lo) === 0;
      if (rollBack) requests.splice(i - 1, 1);
      return { key: call.key, prot: call.prot, agrees: agrees(request, event), rollBack };
    }
    return null;
  }

  #of(thread: string, level: number): Request[] {
    const place = level === 0 ? thread : `${thread}/${level}`;
    let requests = this.#requests.get(place);
    if (requests === undefined) {
      requests = [];
      this.#requests.set(place, requests);
    }
    return requests;
  }
}

/** True when the core made `call` for the same request as the calls before it: it goes on within what was asked. */
function continues(request: Request, call: PgtableCall): boolean {
  if (request.ended || request.call.isMap !== call.isMap || request.call.key !== call.key) return false;
  if (compare64(call.iova.hi, call.iova.lo, request.call.iova.hi, request.call.iova.lo) <= 0) return false;
  // An end of 0 is the top of the address space.
  if (request.endHi === 0 && request.endLo === 0) return true;
  return compare64(call.iova.hi, call.iova.lo, request.endHi, request.endLo) <= 0;
}

/** Whether the raw calls add up to the request that the iommu layer reports. */
function agrees(request: Request, event: IommuMap | IommuUnmap): boolean {
  if (!request.complete) return true;
  const { call } = request;
  if (compare64(call.iova.hi, call.iova.lo, event.iova.hi, event.iova.lo) !== 0) return false;
  if (event.kind === 'iommu-unmap') return event.unmapped === null || request.returned === event.unmapped;
  if (compare64(call.paddr.hi, call.paddr.lo, event.paddr.hi, event.paddr.lo) !== 0) return false;
  const endHi = addHi(event.iova.hi, event.iova.lo, event.size);
  const endLo = addLo(event.iova.lo, event.size);
  return endHi === request.endHi && endLo === request.endLo;
}
