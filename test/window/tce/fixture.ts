import type { Container } from '../../../src/window/tce/container.ts';
import { DEFAULT_GROUP, type Group } from '../../../src/window/tce/group.ts';
import type { MapOutcome } from '../../../src/window/tce/map.ts';
import type { Mm } from '../../../src/window/tce/memory/mm.ts';
import type { Backing } from '../../../src/window/tce/memory/region.ts';
import { DEFAULT_WINDOW_OPTIONS, type WindowOptions } from '../../../src/window/tce/options.ts';
import { WindowSystem } from '../../../src/window/tce/system.ts';

export const K4 = 4096;
export const K64 = 65536;
export const M16 = 2 ** 24;
export const G = 2 ** 30;
export const T = 2 ** 40;
export const SECOND = 2 ** 59;
export const USER = 0x7f80_0000_0000;

export const group = (id = 'g0', changes: Partial<Group> = {}): Group => ({ ...DEFAULT_GROUP, id, ...changes });

/** A process with one container. */
export class Bench {
  readonly system: WindowSystem;
  readonly mm: Mm;
  readonly container: Container;

  constructor(version: 1 | 2 = 2, options: Partial<WindowOptions> = {}) {
    this.system = new WindowSystem({ ...DEFAULT_WINDOW_OPTIONS, ...options });
    this.mm = this.system.mm('mm0');
    this.container = this.system.container('c0', version);
  }

  /** With a group attached, and without the small window. */
  static ready(options: Partial<WindowOptions> = {}): Bench {
    const bench = new Bench(2, options);
    bench.container.attach(group(), bench.mm);
    bench.container.remove(bench.mm, 0);
    return bench;
  }

  create(pageShift: number, size: number, levels = 1, fail: 'table' | 'program' | null = null): number {
    return this.container.create(this.mm, { pageShift, size, levels, fail });
  }

  register(vaddr: number, size: number, backing: readonly Backing[] = [], fault: number | null = null): number {
    return this.container.register(this.mm, { vaddr, size, backing, fault });
  }

  mapAt(iova: number, vaddr: number, size: number, direction: 0 | 1 | 2 | 3 = 3): MapOutcome {
    return this.container.map({ iova, vaddr, size, direction, fault: null });
  }

  map(iova: number, vaddr: number, size: number, direction: 0 | 1 | 2 | 3 = 3): number {
    return this.mapAt(iova, vaddr, size, direction).ret;
  }
}
