import { compare64, distance64 } from '../../../base/u64.ts';
import { hexAddress } from '../text/hex-address.ts';
import {
  type LineHead,
  type LineReader,
  LONGEST_LINE,
  type LoggedEvent,
  lineHead,
  loggedEvent,
  NO_THREAD,
  NOTHING,
  type Reading,
  readingOf,
  type Stamp,
  UNSTAMPED,
  unreadableFrom,
} from './line-reader.ts';
import { hexCount, ISO_TIME, isoStamp, matchAt, stampOf, WallClock } from './log-numbers.ts';
import { QemuEndpoints } from './qemu-endpoints.ts';
import { isQemuChange, type QemuChange, readQemuChange } from './qemu-events.ts';

/** What stands in for the physical addresses that QEMU's trace events do not have. */
export const QEMU_ADDRESSES =
  "physical addresses are not recorded: QEMU's own addresses (vfio, ioas, vdpa) and offsets in files (ioas) stand in for them, as if what they name were contiguous";

/** Names of events of VFIO, iommufd and the emulated IOMMUs begin so. */
const FAMILIES = ['vfio_', 'iommufd_', 'virtio_iommu_', 'vhost_vdpa_', 'smmu_', 'smmuv3_'] as const;
const NAME = /([a-z\d_]{1,64})(?: |$)/y;
const LONGEST_LEAD = 200;
/** `PID@SEC.USEC:`: `-msg timestamp=on`; newer QEMU begins with an ISO time instead. */
const OLD_STAMP = /(?:^|\s)(\d{1,10})@(\d{1,10})\.(\d{1,9}):$/;
/** `qemu-system-x86_64[7131]: ` of syslog, `(1144713:main): ` of newer QEMU itself. */
const TASK = /(?:\[(\d{1,10})\]|\((\d{1,10}):[^()]{0,64}\)): $/;
/** What else may stand before an event: a program's name, a time, whatever syslog is set to. */
const LEAD_END = /(?:[:>] ?|\dZ |[+-]\d\d:?\d\d |^\s*)$/;

/** A region that turned out not to be for the device (listener.c:vfio_listener_region_add). */
const NOT_MAPPED = 'vfio_listener_region_add_no_dma_map';
const MAP_FAILED =
  /\bvfio_(?:container_)?dma_map\(0x[\da-f]{1,16}, 0x([\da-f]{1,16}), 0x([\da-f]{1,14}), [^()]{1,24}\) = -/;

interface Held extends LineHead {
  readonly change: QemuChange;
}

/**
 * Reads the log of QEMU's trace events. A change of memory is told twice where iommufd makes it: by VFIO's listener, then
 * by the call. The call counts, as it names the address space and its outcome, so what the listener says is held back
 * until the next change: the event comes with the line that follows, and what is left with the end of the input.
 */
export class QemuLogReader implements LineReader {
  readonly format = 'QEMU trace events';
  readonly example = 'vfio_listener_region_*, iommufd_backend_*, virtio_iommu_* lines';
  readonly #clock = new WallClock();
  readonly #endpoints = new QemuEndpoints();
  #held: Held | null = null;
  #standIns = false;
  #failed = 0;

  get note(): string | null {
    const failed =
      this.#failed === 0 ? [] : [`left out, for QEMU tells that they failed: maps of VFIO, ${this.#failed}`];
    const notes = this.#standIns ? [QEMU_ADDRESSES, ...failed] : failed;
    return notes.length === 0 ? null : notes.join('; ');
  }

  read(line: string): LoggedEvent | null {
    if (line.length > LONGEST_LINE) return null;
    if (line.includes('dma_map(')) return this.#failure(line);
    const at = startOfEvent(line);
    if (at < 0) return null;
    const match = matchAt(NAME, line, at);
    const lead = line.slice(0, at);
    if (match === null || !LEAD_END.test(lead)) return null;
    const head = this.#head(lead);
    const name = match[1];
    if (name === NOT_MAPPED) this.#held = null;
    const start = at + match[0].length;
    const text = line.slice(start).trim();
    if (!isQemuChange(name)) return this.#end(head, this.#endpoints.end(name, text));
    const change = readQemuChange(name, text);
    if (change === null) return loggedEvent(head, unreadableFrom(line.indexOf(text, start)));
    if (change.payload.kind === 'iommu-map' && change.payload.physical !== undefined) this.#standIns = true;
    return this.#take({ change, thread: head.thread, seconds: head.seconds, nanos: head.nanos });
  }

  finish(): LoggedEvent | null {
    const held = this.#held;
    this.#held = null;
    return held === null ? null : loggedEvent(held, readingOf(held.change.payload));
  }

  /** An error message: the map that the listener has just told of failed. */
  #failure(line: string): LoggedEvent | null {
    const match = MAP_FAILED.exec(line);
    if (match === null) return null;
    const iova = hexAddress(match[1]);
    const held = this.#held?.change.payload;
    if (held?.kind === 'iommu-map' && held.size === hexCount(match[2])) {
      if (compare64(held.iova.hi, held.iova.lo, iova.hi, iova.lo) === 0) {
        this.#held = null;
        this.#failed++;
      }
    }
    return loggedEvent(lineHead(NO_THREAD, UNSTAMPED), NOTHING);
  }

  /** An event that changes no memory; it may be the end of an address space. */
  #end(head: LineHead, key: string | null): LoggedEvent {
    if (key === null) return loggedEvent(head, NOTHING);
    const held = this.#held;
    this.#held = null;
    const before = held === null ? [] : [held.change.payload];
    return loggedEvent(head, readingOf(...before, { kind: 'free', key }));
  }

  #head(lead: string): LineHead {
    const old = OLD_STAMP.exec(lead);
    if (old !== null) return lineHead(old[1], this.#clock.relative(stampOf(old[2], old[3])));
    const task = TASK.exec(lead);
    const iso = matchAt(ISO_TIME, lead, 0);
    const stamp: Stamp = iso === null ? UNSTAMPED : this.#clock.relative(isoStamp(iso));
    return lineHead(task?.[1] ?? task?.[2] ?? NO_THREAD, stamp);
  }

  #take(next: Held): LoggedEvent {
    const { change } = next;
    const held = this.#held;
    if (change.source === 'listener') {
      this.#held = next;
      return held === null ? loggedEvent(next, NOTHING) : loggedEvent(held, readingOf(held.change.payload));
    }
    this.#held = null;
    const told = change.failed ? NOTHING : readingOf(change.payload);
    if (held === null || (change.source === 'iommufd' && isPartOf(change, held.change))) return loggedEvent(next, told);
    const both: Reading = { payloads: [held.change.payload, ...told.payloads], unreadableAt: -1 };
    return loggedEvent(told.payloads.length === 0 ? held : next, both);
  }
}

/** Whether a call is made for what the listener told of: the whole of it, or one half of all 64 bits. */
function isPartOf({ payload: call }: QemuChange, { payload: whole }: QemuChange): boolean {
  if (call.kind !== whole.kind) return false;
  if (compare64(call.iova.hi, call.iova.lo, whole.iova.hi, whole.iova.lo) < 0) return false;
  const offset = distance64(call.iova.hi, call.iova.lo, whole.iova.hi, whole.iova.lo);
  return offset + call.size <= whole.size;
}

/** Where the first word begins that may be the name of an event; -1: nowhere. */
function startOfEvent(line: string): number {
  let first = -1;
  for (const family of FAMILIES) {
    for (let at = line.indexOf(family); at >= 0 && at <= LONGEST_LEAD; at = line.indexOf(family, at + 1)) {
      if (at > 0 && !/[\s:]/.test(line[at - 1])) continue;
      if (first < 0 || at < first) first = at;
      break;
    }
  }
  return first;
}
