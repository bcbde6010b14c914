import type { IovaWindowRequest } from '../aperture.ts';
import type { Container } from '../tce/container.ts';
import type { WindowRequest } from '../tce/container-windows.ts';
import type { Group } from '../tce/group.ts';
import type { MapRequest } from '../tce/map.ts';
import type { Mm } from '../tce/memory/mm.ts';
import type { Registration } from '../tce/memory/prereg.ts';
import { DEFAULT_WINDOW_OPTIONS } from '../tce/options.ts';
import { createRequired, TABLE_LIMIT } from '../tce/required-window.ts';
import { WindowSystem } from '../tce/system.ts';
import type { DmaModel, GuestProcess, ModelFigures } from './model.ts';

/** Containers of POWER: version 1 accounts the whole window and pins for each TCE, version 2 pins and accounts once. */
export class ContainerModel implements DmaModel {
  readonly #system = new WindowSystem(DEFAULT_WINDOW_OPTIONS);
  readonly #mm: Mm;
  readonly #version: 1 | 2;

  constructor(version: 1 | 2, { cpuPage, rlimit }: GuestProcess) {
    this.#version = version;
    this.#mm = this.#system.mm('guest');
    this.#mm.cpuPage = cpuPage;
    this.#mm.rlimit = rlimit;
  }

  attach(space: string, group: Group): number {
    const container = this.#of(space);
    const ret = container.attach(group, this.#mm);
    return ret === 0 && this.#version === 1 ? container.enable(this.#mm) : ret;
  }

  detach(space: string, group: string): number {
    return this.#of(space).detach(group);
  }

  release(space: string): void {
    this.#system.release(space);
  }

  create(space: string, request: WindowRequest): number {
    return this.#version === 1 ? 0 : Math.min(0, this.#of(space).create(this.#mm, request));
  }

  cover(space: string, { base, size, page }: Omit<IovaWindowRequest, 'fixed'>): number {
    if (this.#version === 1) return 0;
    const start = base ?? 0;
    const ranges = [{ start, end: start + size }];
    const made = createRequired(this.#of(space), this.#mm, ranges, page, TABLE_LIMIT);
    return typeof made === 'number' ? made : 0;
  }

  remove(space: string, start: number): number {
    return this.#version === 1 ? 0 : this.#of(space).remove(this.#mm, start);
  }

  register(space: string, request: Registration): number {
    return this.#version === 1 ? 0 : this.#of(space).register(this.#mm, request);
  }

  unregister(space: string, vaddr: number, size: number): number {
    return this.#version === 1 ? 0 : this.#of(space).unregister(vaddr, size, null);
  }

  map(space: string, request: MapRequest): number {
    return this.#of(space).map(request).ret;
  }

  unmap(space: string, iova: number, size: number): number {
    return this.#of(space).unmap(iova, size).ret;
  }

  figures(): ModelFigures {
    const { tally } = this.#system;
    return {
      pins: tally.pins,
      pinCalls: tally.pinCalls,
      accountCalls: tally.accountCalls,
      lockedPeak: this.#mm.lockedPeak,
      lockedPeakBytes: this.#mm.lockedPeak * this.#mm.cpuPage,
      entriesWritten: tally.tcesWritten,
      tableBytes: tally.allocatedBytesPeak,
      tableBytesAccounted: tally.accountedBytesPeak,
      invalidations: tally.kills,
    };
  }

  #of(space: string): Container {
    return this.#system.container(space, this.#version);
  }
}
