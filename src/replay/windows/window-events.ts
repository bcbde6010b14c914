import { EINVAL, ENOTTY, ENXIO, EPERM, errnoName } from '../../base/vocabulary.ts';
import type { Batch } from '../../trace/batch.ts';
import type * as E from '../../trace/events.ts';
import { addressHex, addressNumber } from '../../window/address.ts';
import type { Container } from '../../window/tce/container.ts';
import { type MapOutcome, NOTHING_MAPPED } from '../../window/tce/map.ts';
import type { Mm } from '../../window/tce/memory/mm.ts';
import { createRequired, TABLE_LIMIT } from '../../window/tce/required-window.ts';
import { WindowSystem } from '../../window/tce/system.ts';
import { WINDOW_BASES } from '../../window/tce/window.ts';
import type { Findings } from '../results/findings.ts';
import type { ResultLines } from '../results/result-lines.ts';
import type { SpaceDirectory } from '../spaces/space-directory.ts';
import { AttachEvents } from './attach-events.ts';
import type { DmaOptions } from './options.ts';
import { readBacking, readDirection, readRanges } from './window-fields.ts';
import { leakedRegions, type Place, WindowLog } from './window-log.ts';

const DEFAULT_CONTAINER = 'c0';
const DEFAULT_MM = 'mm0';

/** Requests to containers of POWER: drives them into the model, writes their lines and notes what is wrong. */
export class WindowEvents {
  readonly system: WindowSystem;
  /** Whether the trace had any. */
  used = false;
  readonly log: WindowLog;
  readonly #attach: AttachEvents;
  readonly #directory: SpaceDirectory;

  constructor(options: DmaOptions, directory: SpaceDirectory, results: ResultLines | null, findings: Findings) {
    this.system = new WindowSystem(options);
    this.#directory = directory;
    this.log = new WindowLog(results, findings);
    this.#attach = new AttachEvents(this.system, directory, this.log);
  }

  take(event: E.WindowEvent, batch: Batch, i: number, seq: number): void {
    this.used = true;
    const { ops } = this.log;
    ops.set(event.op, (ops.get(event.op) ?? 0) + 1);
    const place = { batch, i, seq };
    const mm = this.system.mm(event.mm ?? DEFAULT_MM);
    const id = event.container ?? DEFAULT_CONTAINER;
    if (event.op === 'attach') this.#attach.take(event, id, mm, place);
    else {
      const container = this.system.container(id);
      if (container.isForeign(mm)) this.log.answer(event, container, mm, -EPERM, '', place);
      else this.#request(event, container, mm, place);
    }
  }

  #request(event: Exclude<E.WindowEvent, E.AttachEvent>, container: Container, mm: Mm, place: Place): void {
    this.#countHardware(event, container);
    switch (event.op) {
      case 'window_create':
        if (event.require === undefined) this.#create(event, container, mm, place);
        else this.#createRequired(event, event.require, container, mm, place);
        break;
      case 'window_remove': {
        const ret = this.#flags(event.flags, container, true) || container.remove(mm, addressNumber(event.start));
        this.log.answer(event, container, mm, ret, '', place);
        break;
      }
      case 'register': {
        const request = {
          vaddr: addressNumber(event.vaddr),
          size: event.size,
          backing: readBacking(event),
          fault: event.fault ?? null,
        };
        const ret = this.#flags(event.flags, container, false) || container.register(mm, request);
        if (ret !== 0) this.system.tally.registerRefused++;
        else this.system.tally.registered++;
        this.log.answer(event, container, mm, ret, '', place);
        break;
      }
      case 'unregister':
        this.#unregister(event, container, mm, place);
        break;
      case 'window_map':
        this.#map(event, container, mm, place);
        break;
      case 'window_unmap': {
        const { tally } = this.system;
        tally.unmaps++;
        const bad = event.flags !== undefined && event.flags !== 0;
        const { ret, unmapped, overrun } = bad
          ? { ret: container.enabled ? -EINVAL : -EPERM, unmapped: 0, overrun: false }
          : container.unmap(addressNumber(event.iova), event.size);
        if (ret !== 0) tally.failures++;
        this.log.answer(event, container, mm, ret, `,"unmapped":${unmapped}`, place);
        if (overrun) this.#overrun(event, container, place);
        break;
      }
    }
  }

  #create(event: E.WindowCreateEvent, container: Container, mm: Mm, place: Place): void {
    const leakedBefore = mm.leaked;
    const request = {
      pageShift: event.pageShift ?? 0,
      size: event.size ?? 0,
      levels: event.levels ?? 1,
      fail: event.fail ?? null,
    };
    const slot = this.#flags(event.flags, container, true) || container.create(mm, request);
    this.#created(event, container, mm, slot, '', place);
    const leaked = mm.leaked - leakedBefore;
    if (leaked > 0) {
      const message = `the window was refused, and ${leaked} pages stay charged for its tables (--fix-leaks on takes them back)`;
      this.log.find('leaked-accounting', container, place, null, 0, message);
    }
  }

  #createRequired(
    event: E.WindowCreateEvent,
    require: readonly E.RequiredRange[],
    container: Container,
    mm: Mm,
    place: Place,
  ): void {
    const ranges = readRanges('require', require);
    if (typeof ranges === 'string') throw this.#directory.error(place.batch, place.i, ranges);
    const limit = event.tableLimit ?? TABLE_LIMIT;
    const chosen =
      this.#flags(event.flags, container, true) || createRequired(container, mm, ranges, event.pageSize ?? null, limit);
    if (typeof chosen === 'number') this.#created(event, container, mm, chosen, '', place);
    else {
      const { slot, pageShift, size, levels } = chosen;
      const rest = `,"pageShift":${pageShift},"size":${size},"levels":${levels}`;
      this.#created(event, container, mm, slot, rest, place);
    }
  }

  /** Tells of a window that stands in a slot, or of the errno below 0. */
  #created(event: E.WindowEvent, container: Container, mm: Mm, slot: number, rest: string, place: Place): void {
    const window = slot < 0 ? null : container.windows[slot];
    if (window === null) {
      this.system.tally.windowsRefused++;
      this.log.answer(event, container, mm, slot, rest, place);
      return;
    }
    const tables = `,"accounted":${window.shape.accountedBytes},"allocated":${window.allocatedBytes}`;
    const start = `,"start":"${addressHex(WINDOW_BASES[slot])}"`;
    this.log.answer(event, container, mm, 0, `${start}${rest}${tables}`, place);
  }

  #unregister(event: E.UnregisterEvent, container: Container, mm: Mm, place: Place): void {
    const mayLeak = this.system.options.unregister === 'kernel';
    const before = mayLeak ? leakedRegions(this.system) : 0;
    const vaddr = addressNumber(event.vaddr);
    const ret =
      this.#flags(event.flags, container, false) || container.unregister(vaddr, event.size, event.phase ?? null);
    if (ret === 0) this.system.tally.unregistered++;
    this.log.answer(event, container, mm, ret, '', place);
    if (mayLeak && leakedRegions(this.system) > before) {
      const message = `the request succeeds although TCEs point into the region: it stays pinned and accounted, with nobody to give it back`;
      this.log.find('leaked-region', container, place, null, 0, message);
    }
  }

  #map(event: E.WindowMapEvent, container: Container, mm: Mm, place: Place): void {
    const { tally } = this.system;
    tally.maps++;
    const direction = readDirection(event);
    const request = {
      iova: addressNumber(event.iova),
      vaddr: addressNumber(event.vaddr),
      size: event.size,
      direction: direction === -1 ? (0 as const) : direction,
      fault: event.fault ?? null,
    };
    // Flags that VFIO does not know are told before the window is looked for.
    const outcome: MapOutcome =
      direction < 0 ? { ...NOTHING_MAPPED, ret: container.enabled ? -EINVAL : -EPERM } : container.map(request);
    const { ret, mapped, replaced, lost } = outcome;
    if (ret !== 0) tally.failures++;
    this.log.mapped.add(container);
    this.log.answer(event, container, mm, ret, `,"mapped":${mapped},"replaced":${replaced},"lost":${lost}`, place);
    if (outcome.falseSuccess) {
      const message = `the map answers 0 and has mapped ${mapped} of ${event.size} bytes: the rest lies in a region that is being unregistered`;
      this.log.find('false-success', container, place, event.iova, event.size, message);
    }
    if (lost > 0) {
      const message = `the map failed with ${errnoName(ret)} and took ${lost} TCEs away that it had replaced`;
      this.log.find('lost-mapping', container, place, event.iova, event.size, message);
    }
    if (outcome.overrun) this.#overrun(event, container, place);
  }

  #overrun(event: E.WindowMapEvent | E.WindowUnmapEvent, container: Container, place: Place): void {
    const message = `only its first page is held against the window; the kernel goes on behind the end of the table`;
    this.log.find('window-overrun', container, place, event.iova, event.size, message);
  }

  /** What flags that nobody knows give, in the order of the kernel's checks; 0: there are none. */
  #flags(flags: number | undefined, container: Container, needsGroup: boolean): number {
    if (flags === undefined || flags === 0) return 0;
    if (container.version === 1) return -ENOTTY;
    return needsGroup && container.groups.length === 0 ? -ENXIO : -EINVAL;
  }

  #countHardware(event: E.WindowEvent, container: Container): void {
    if (event.op === 'window_create' && event.require !== undefined) return;
    if (event.op === 'window_map' || event.op === 'window_unmap') return;
    this.log.hardware(container);
  }
}
