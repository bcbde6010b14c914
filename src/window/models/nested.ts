import { TWO_32 } from '../../base/u64.ts';
import { EBUSY, EINVAL, PROT_READ, PROT_WRITE } from '../../base/vocabulary.ts';
import { IommuDomain } from '../../iommu/domain.ts';
import { TableMemory } from '../../lpae/table/memory.ts';
import { ADDRESS_END } from '../address.ts';
import { Aperture, type IovaWindowRequest } from '../aperture.ts';
import { NestTally } from '../nested/nest-tally.ts';
import { NestedDomain } from '../nested/nested-domain.ts';
import { NestedSpace } from '../nested/nested-space.ts';
import type { Nesting } from '../nested/options.ts';
import { type Parent, RegisteredMemory } from '../nested/parent.ts';
import type { WindowRequest } from '../tce/container-windows.ts';
import type { MapRequest } from '../tce/map.ts';
import { Mm } from '../tce/memory/mm.ts';
import { type Registration, register, unregister } from '../tce/memory/prereg.ts';
import type { Region } from '../tce/memory/region.ts';
import { WindowTally } from '../tce/tally.ts';
import { WINDOW_BASES } from '../tce/window.ts';
import { lpaeIova, lpaeTable, tableFigures } from './lpae-space.ts';
import type { DmaModel, GuestProcess, ModelFigures } from './model.ts';

interface Child {
  readonly space: NestedSpace;
  readonly domain: NestedDomain;
  readonly aperture: Aperture;
  readonly listed: Set<Region>;
}

/**
 * Nested address spaces: a root that pins and accounts registered memory once, and a child for each container, whose maps
 * refer to the root. Nested in software the root has no tables of its own; in hardware it is a stage 2 that walks of the
 * children go through.
 */
export class NestedModel implements DmaModel {
  readonly #mm: Mm;
  readonly #memory = new TableMemory();
  readonly #tally = new WindowTally();
  readonly #nestTally = new NestTally();
  readonly #root: IommuDomain | null;
  readonly #parent: Parent;
  readonly #children = new Map<string, Child>();
  readonly #ended: Child[] = [];

  constructor({ cpuPage, rlimit }: GuestProcess, nesting: Nesting) {
    this.#mm = new Mm('guest', cpuPage);
    this.#mm.rlimit = rlimit;
    if (nesting === 'software') {
      this.#root = null;
      this.#parent = new RegisteredMemory(this.#mm);
      return;
    }
    const { table, tlb } = lpaeTable(this.#memory, 'ARM_64_LPAE_S2');
    this.#root = new IommuDomain(table, tlb);
    this.#parent = new NestedSpace({
      id: 'root',
      domain: this.#root,
      kind: 'kernel',
      parent: null,
      depth: 0,
      hardware: false,
      tally: this.#nestTally,
    });
  }

  attach(): number {
    return 0;
  }

  detach(): number {
    return 0;
  }

  release(name: string): void {
    const child = this.#children.get(name);
    if (child === undefined) return;
    this.#children.delete(name);
    this.#ended.push(child);
    for (const [start, end] of rangesOf(child.space)) child.domain.unmap(high(start), start | 0, end - start);
    for (const { start, size } of [...child.listed]) this.#unregister(child, start, size);
  }

  create(name: string, { pageShift, size }: WindowRequest): number {
    const { aperture } = this.#of(name);
    // As POWER places them, so that the trace's IOVAs fit: at 0, then in the upper half.
    const base = lpaeIova(WINDOW_BASES[Math.min(1, aperture.windows.length)]);
    const made = aperture.create({ base, size, page: Math.max(4096, 2 ** pageShift), fixed: false });
    return typeof made === 'number' ? made : 0;
  }

  cover(name: string, { base, size, page }: Omit<IovaWindowRequest, 'fixed'>): number {
    const made = this.#of(name).aperture.create({
      base: base === null ? null : lpaeIova(base),
      size,
      page,
      fixed: false,
    });
    return typeof made === 'number' ? made : 0;
  }

  remove(name: string, start: number): number {
    const { aperture, space, domain } = this.#of(name);
    const at = lpaeIova(start);
    const window = aperture.windows.find((known) => at >= known.start && at < known.end);
    if (window === undefined) return start === 0 ? 0 : -EINVAL;
    for (const [from, to] of rangesOf(space, window.start, window.end)) domain.unmap(high(from), from | 0, to - from);
    return aperture.remove(window.start, () => false);
  }

  register(name: string, request: Registration): number {
    const child = this.#of(name);
    const isNew = this.#mm.exact(request.vaddr, request.size) === null;
    const ret = register(this.#mm, child.listed, request, this.#tally);
    if (ret !== 0 || !isNew || this.#root === null) return ret;
    const { vaddr, size } = request;
    const mapped = this.#root.map(high(vaddr), vaddr | 0, high(vaddr), vaddr | 0, size, PROT_READ | PROT_WRITE);
    if (mapped !== 0) this.#unregister(child, vaddr, size);
    return mapped;
  }

  unregister(name: string, vaddr: number, size: number): number {
    return this.#unregister(this.#of(name), vaddr, size);
  }

  map(name: string, { iova, vaddr, size, direction }: MapRequest): number {
    const { aperture, domain } = this.#of(name);
    if (direction === 0) return -EINVAL;
    const at = lpaeIova(iova);
    const ret = aperture.check(at, size);
    if (ret !== 0) return ret;
    return domain.map(high(at), at | 0, high(vaddr), vaddr | 0, size, direction);
  }

  unmap(name: string, iova: number, size: number): number {
    const { domain, space } = this.#of(name);
    const at = lpaeIova(iova);
    for (const [from, to] of rangesOf(space, at, at + size)) domain.unmap(high(from), from | 0, to - from);
    return 0;
  }

  figures(): ModelFigures {
    const children = [...this.#ended, ...this.#children.values()];
    const tables = children.map(({ domain }) => domain.table);
    return {
      pins: this.#tally.pins,
      pinCalls: this.#tally.pinCalls,
      accountCalls: this.#tally.accountCalls,
      lockedPeak: this.#mm.lockedPeak,
      lockedPeakBytes: this.#mm.lockedPeak * this.#mm.cpuPage,
      ...tableFigures(this.#root === null ? tables : [this.#root.table, ...tables]),
    };
  }

  #unregister({ listed }: Child, vaddr: number, size: number): number {
    const region = this.#mm.exact(vaddr, size);
    if (region?.used === 1 && this.#parent instanceof NestedSpace && this.#parent.references.meets(vaddr, vaddr + size))
      return -EBUSY;
    const ret = unregister(this.#mm, listed, vaddr, size, null, 'intended', this.#tally);
    if (ret === 0 && this.#mm.exact(vaddr, size) === null) this.#root?.unmap(high(vaddr), vaddr | 0, size);
    return ret;
  }

  #of(name: string): Child {
    let child = this.#children.get(name);
    if (child !== undefined) return child;
    const { table, tlb } = lpaeTable(this.#memory, 'ARM_64_LPAE_S1');
    const domain = new NestedDomain(table, tlb);
    const space = new NestedSpace({
      id: name,
      domain,
      kind: 'kernel',
      parent: this.#parent,
      depth: 1,
      hardware: this.#root !== null,
      tally: this.#nestTally,
    });
    domain.space = space;
    child = { space, domain, aperture: new Aperture(2 ** table.config.ias, [], true), listed: new Set() };
    this.#children.set(name, child);
    return child;
  }
}

/** What a child has mapped of [start, end), as ranges without holes. */
function rangesOf({ maps }: NestedSpace, start = 0, end = ADDRESS_END): [number, number][] {
  const ranges: [number, number][] = [];
  maps.forEach(start, end, (from, to) => {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === from) last[1] = to;
    else ranges.push([from, to]);
  });
  return ranges;
}

function high(address: number): number {
  return Math.floor(address / TWO_32) | 0;
}
