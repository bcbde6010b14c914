import { type Batch, FLAG_HAS_RET, NONE } from '../../trace/batch.ts';
import * as E from '../../trace/events.ts';
import { addressFrom, commonAlignment } from '../../window/address.ts';
import { type AddressRange, united } from '../../window/aperture.ts';

/** Space of maps that name no domain. */
const DEFAULT_SPACE = 'd0';

/** A map or an unmap of an address space, or a request to a container. */
export type GuestRequest =
  | {
      readonly kind: 'map';
      readonly space: string;
      readonly iova: number;
      readonly vaddr: number;
      readonly size: number;
      readonly direction: 1 | 2 | 3;
    }
  | { readonly kind: 'unmap'; readonly space: string; readonly iova: number; readonly size: number }
  | { readonly kind: 'event'; readonly event: E.WindowEvent };

/** What an address space maps at most. */
export interface PlainSpace {
  /** The first IOVA behind all maps. */
  readonly end: number;
  /** The largest power of two that all addresses and sizes are multiples of. */
  readonly alignment: number;
}

/** The requests of a trace, kept in columns: a model after the other sees them all. */
export class GuestRequests {
  /** Address spaces of plain maps. */
  readonly spaces = new Map<string, PlainSpace>();
  /** Maps that failed when they were recorded: they say nothing of the guest's memory. */
  leftOut = 0;
  maps = 0;
  unmaps = 0;
  /** The trace has requests to containers. */
  hasContainers = false;
  /** Bytes of a CPU page, and bytes that may be locked, as the trace tells of its process; null: it does not. */
  cpuPage: number | null = null;
  rlimit: number | null = null;
  readonly #spaceOf: string[] = [];
  readonly #iova: number[] = [];
  readonly #vaddr: number[] = [];
  readonly #size: number[] = [];
  /** 1 to 3: a map of that direction; 0: an unmap; -1: an event. */
  readonly #what: number[] = [];
  readonly #events = new Map<number, E.WindowEvent>();

  /** Takes what it can use of a batch; `domains` are the reader's names. */
  take(batch: Batch, domains: readonly string[]): void {
    for (let i = 0; i < batch.length; i++) {
      const op = batch.op[i];
      if (op <= E.OP_UNMAP_PAGES) this.#plain(batch, i, domains);
      else if (op > E.LAST_COLUMN_OP) this.#event(batch.objects.get(i) as E.Event);
    }
  }

  get length(): number {
    return this.#what.length;
  }

  at(i: number): GuestRequest {
    const what = this.#what[i];
    if (what < 0) return { kind: 'event', event: this.#events.get(i) as E.WindowEvent };
    const shared = { space: this.#spaceOf[i], iova: this.#iova[i], size: this.#size[i] };
    if (what === 0) return { kind: 'unmap', ...shared };
    return { kind: 'map', ...shared, vaddr: this.#vaddr[i], direction: what as 1 | 2 | 3 };
  }

  /** The memory that plain maps reach, in whole CPU pages: ascending ranges that do not touch. */
  memory(cpuPage: number): AddressRange[] {
    const ranges: AddressRange[] = [];
    for (let i = 0; i < this.#what.length; i++) {
      if (this.#what[i] <= 0) continue;
      const start = Math.floor(this.#vaddr[i] / cpuPage) * cpuPage;
      const end = Math.ceil((this.#vaddr[i] + this.#size[i]) / cpuPage) * cpuPage;
      const last = ranges.at(-1);
      // What is mapped over and over is one range.
      if (last !== undefined && start >= last.start && end <= last.end) continue;
      ranges.push({ start, end });
    }
    return united(ranges);
  }

  #plain(batch: Batch, i: number, domains: readonly string[]): void {
    const op = batch.op[i];
    const isMap = op === E.OP_MAP || op === E.OP_MAP_PAGES;
    const size = op >= E.OP_MAP_PAGES ? batch.size[i] * batch.count[i] : batch.size[i];
    if (size === 0) return;
    if (isMap && (batch.flags[i] & FLAG_HAS_RET) !== 0 && batch.ret[i] !== 0) {
      this.leftOut++;
      return;
    }
    const space = batch.domain[i] === NONE ? DEFAULT_SPACE : domains[batch.domain[i]];
    const iova = addressFrom(batch.iovaHi[i], batch.iovaLo[i]);
    const vaddr = isMap ? addressFrom(batch.paddrHi[i], batch.paddrLo[i]) : 0;
    const direction = isMap ? batch.prot[i] & 3 || 3 : 0;
    this.#push(space, iova, vaddr, size, direction);
    if (!isMap) return;
    const known = this.spaces.get(space) ?? { end: 0, alignment: 2 ** 52 };
    const alignment = Math.min(known.alignment, commonAlignment(iova, vaddr), commonAlignment(size, size));
    this.spaces.set(space, { end: Math.max(known.end, iova + size), alignment });
  }

  #event(event: E.Event): void {
    switch (event.op) {
      case 'attach':
      case 'window_create':
      case 'window_remove':
        if (event.domain !== undefined) return;
        break;
      case 'register':
      case 'unregister':
        break;
      case 'window_map':
        this.maps++;
        break;
      case 'window_unmap':
        this.unmaps++;
        break;
      default:
        return;
    }
    this.hasContainers = true;
    if (event.op === 'attach') {
      this.cpuPage ??= event.cpuPageSize ?? null;
      if (event.capIpcLock !== true) this.rlimit ??= event.rlimit ?? null;
    }
    this.#events.set(this.#what.length, event);
    this.#push('', 0, 0, 0, -1, false);
  }

  #push(space: string, iova: number, vaddr: number, size: number, what: number, counts = true): void {
    this.#spaceOf.push(space);
    this.#iova.push(iova);
    this.#vaddr.push(vaddr);
    this.#size.push(size);
    this.#what.push(what);
    if (!counts) return;
    if (what > 0) this.maps++;
    else this.unmaps++;
  }
}
