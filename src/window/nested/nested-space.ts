import { EBUSY } from '../../base/vocabulary.ts';
import type { IommuDomain } from '../../iommu/domain.ts';
import * as C from '../../lpae/counters.ts';
import { LEVELS } from '../../lpae/format/geometry.ts';
import { walkPageTable } from '../../lpae/lookup.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import { RunMap } from '../run-map.ts';
import type { NestTally } from './nest-tally.ts';
import type { NestKind, ParentUnmap } from './options.ts';
import { addRun, type Parent, type ParentRun, resolveInTable } from './parent.ts';
import { RefCounts } from './ref-counts.ts';
import * as R from './removal.ts';

/** What a nested address space is made from. */
export interface NestedParts {
  readonly id: string;
  readonly domain: IommuDomain;
  readonly kind: NestKind;
  /** Null: a root, whose maps lead to memory that they pin. */
  readonly parent: Parent | null;
  readonly depth: number;
  /** Hardware walks the tables of this space and of its parent. */
  readonly hardware: boolean;
  readonly tally: NestTally;
}

/** An address space in a tree of them: what its maps refer to in its parent, and what its children refer to in it. */
export class NestedSpace implements Parent {
  readonly id: string;
  readonly domain: IommuDomain;
  readonly kind: NestKind;
  readonly depth: number;
  readonly hardware: boolean;
  readonly children: NestedSpace[] = [];
  /** What children refer to, by IOVA of this space. */
  readonly references = new RefCounts();
  /** Its own maps: IOVAs, the addresses in the parent that they refer to, and the protection that was asked for. */
  readonly maps = new RunMap<number>();
  #parent: Parent | null;
  #invalidations = 0;
  readonly #tally: NestTally;

  constructor(parts: NestedParts) {
    this.id = parts.id;
    this.domain = parts.domain;
    this.kind = parts.kind;
    this.depth = parts.depth;
    this.hardware = parts.hardware;
    this.#parent = parts.parent;
    this.#tally = parts.tally;
    if (parts.parent instanceof NestedSpace) parts.parent.children.push(this);
  }

  get parent(): Parent | null {
    return this.#parent;
  }

  get table(): PageTable {
    return this.domain.table;
  }

  /** Steps of a walk of all its levels: with a parent in hardware every table of its own is looked up there, too. */
  get walkSteps(): number {
    const own = LEVELS - this.table.startLevel;
    if (!this.hardware || this.#parent === null) return own;
    return (own + 1) * (this.#parent.walkSteps + 1) - 1;
  }

  /** Children whose tables the hardware walks together with these. */
  get hasHardwareChildren(): boolean {
    return this.children.some(({ hardware }) => hardware);
  }

  /** For its own maps: where an address of its parent leads. What the guest's own tables hold nobody checks. */
  resolve(address: number, size: number): readonly ParentRun[] | null {
    if (this.kind === 'user') return [{ at: address, paddr: address, size, prot: 3 }];
    const parent = this.#parent;
    if (parent === null) return null;
    if (!(parent instanceof NestedSpace)) return parent.resolve(address, size);
    return this.hardware ? resolveInTable(parent.table, address, size) : parent.#inMemory(address, size);
  }

  /** Where addresses of this space lie in memory: what a table that hardware nests holds leads through its parents first. */
  #inMemory(address: number, size: number): readonly ParentRun[] | null {
    const own = resolveInTable(this.table, address, size);
    if (!this.hardware || own === null) return own;
    const parent = this.#parent;
    if (!(parent instanceof NestedSpace)) return null;
    const runs: ParentRun[] = [];
    for (const run of own) {
      const above = parent.#inMemory(run.paddr, run.size);
      if (above === null) return null;
      for (const { at, paddr, size: bytes, prot } of above) {
        addRun(runs, { at: run.at + (at - run.paddr), paddr, size: bytes, prot: prot & run.prot });
      }
    }
    return runs;
  }

  hold(address: number, size: number): void {
    this.references.add(address, address + size);
    this.#tally.referenced(size / this.table.granule);
    this.#tally.referencesMost = Math.max(this.#tally.referencesMost, this.references.most);
  }

  drop(address: number, size: number): void {
    this.references.drop(address, address + size);
    this.#tally.referenced(-size / this.table.granule);
  }

  /** A map of its own has succeeded; `pieces`: stretches of memory that it was made of. */
  mapped(iova: number, size: number, address: number, prot: number, pieces: number): void {
    if (size === 0) return;
    this.#tally.childMaps++;
    this.#tally.pieces += pieces;
    this.#tally.pinsAvoided += size / this.table.granule;
    this.maps.put(iova, iova + size, address, prot);
    if (this.kind !== 'user') this.#parent?.hold(address, size);
  }

  /** An unmap of its own has removed `bytes`. */
  unmapped(iova: number, bytes: number): void {
    this.maps.clear(iova, iova + bytes, (from, to, at) => {
      if (this.kind !== 'user') this.#parent?.drop(at, to - from);
    });
  }

  /** Stands at [start, end) only as far as the table still does: a map that failed has replaced what it had come to. */
  reconcile(start: number, end: number): void {
    for (let at = start; at < end; ) {
      const walk = walkPageTable(this.table, R.high(at), R.low(at));
      const span = this.table.sizes[walk.last];
      const next = Math.floor(at / span) * span + span;
      if (!walk.leaf) this.unmapped(at, Math.min(end, next) - at);
      at = next;
    }
  }

  /** What a map of its own would take away: tables where blocks come. */
  replacedBy(request: R.MapRequest): readonly R.Stretch[] {
    const { iova, paddr, size, count } = request;
    const isRoot = this.depth === 0;
    const held = isRoot ? this.references : this.maps;
    if (!held.meets(...R.reachOf(this.table, request))) return [];
    const replacement = new R.Replacement(this.domain);
    if (count === null && !replacement.isAligned(request)) return [];
    const whole: ParentRun = { at: paddr, paddr, size, prot: request.prot };
    const runs = isRoot ? [whole] : (this.resolve(paddr, size) ?? []);
    for (const run of this.hardware && runs.length > 0 ? [whole] : runs) {
      const part = { iova: iova + (run.at - paddr), paddr: run.paddr, size: run.size, count };
      if (!replacement.add({ ...part, prot: request.prot & run.prot })) break;
    }
    return replacement.stretches;
  }

  /** Before a map of its own: 0 or -EBUSY, as for an unmap of what it would replace. */
  admitMap(request: R.MapRequest, policy: ParentUnmap): number {
    if (!this.references.meets(...R.reachOf(this.table, request))) return 0;
    return this.#admit(this.replacedBy(request), policy);
  }

  /**
   * Before an unmap: 0 when it may go on, else -EBUSY. `busy` looks at what is asked for and at what would go with it;
   * `revoke` takes what will really go from the children first.
   */
  admitUnmap(request: R.UnmapRequest, policy: ParentUnmap): number {
    if (!this.references.meets(...R.reachOf(this.table, request))) return 0;
    const going = R.removedBy(this.domain, request);
    return this.#admit(policy === 'busy' ? [...going, ...R.askedBy(this.domain, request)] : going, policy);
  }

  /** Before the address space ends; as for an unmap of all of it. */
  admitEnd(policy: ParentUnmap): number {
    return this.#admit([{ start: 0, end: Number.POSITIVE_INFINITY }], policy);
  }

  #admit(going: readonly R.Stretch[], policy: ParentUnmap): number {
    const held = going.filter(({ start, end }) => this.references.meets(start, end));
    if (held.length === 0) return 0;
    if (policy === 'busy') {
      this.#tally.parentBusy++;
      return -EBUSY;
    }
    this.#tally.revocations++;
    for (const { start, end } of held) for (const child of this.children) child.#revoke(start, end);
    return 0;
  }

  /** Takes away what refers to the parent's [start, end), from its own children first. */
  #revoke(start: number, end: number): void {
    const hits: { from: number; to: number }[] = [];
    this.maps.forEach(0, Number.POSITIVE_INFINITY, (from, to, at) => {
      const first = Math.max(start, at);
      const last = Math.min(end, at + (to - from));
      if (first < last) hits.push({ from: from + (first - at), to: from + (last - at) });
    });
    for (const { from, to } of hits) {
      for (const child of this.children) child.#revoke(from, to);
      this.#tally.revokedBytes += to - from;
      this.#unmapExactly(from, to);
    }
  }

  /** Unmaps whole leaves around [from, to) and maps the rest of them anew: a block has no part that could be taken out. */
  #unmapExactly(from: number, to: number): void {
    const kept: { iova: number; size: number; at: number; prot: number }[] = [];
    const first = R.leafStart(this.table, from);
    const last = R.leafEnd(this.table, to);
    const keep = (start: number, end: number): void =>
      this.maps.forEach(start, end, (iova, behind, at, prot) => kept.push({ iova, size: behind - iova, at, prot }));
    keep(first, from);
    keep(to, last);
    this.domain.unmap(R.high(first), R.low(first), last - first);
    for (const { iova, size, at, prot } of kept)
      this.domain.map(R.high(iova), R.low(iova), R.high(at), R.low(at), size, prot);
  }

  /** Before an operation of its own: how many invalidations there have been. */
  beginOperation(): void {
    this.#invalidations = this.#invalidationsSoFar();
  }

  /**
   * After an operation of its own: each invalidation of stage 2 takes one more command, which drops what the TLB keeps of
   * the children's stage 1 (arm-smmu-v3.c: nest_parent).
   */
  endOperation(): void {
    if (this.hasHardwareChildren) this.#tally.extraCommands += this.#invalidationsSoFar() - this.#invalidations;
  }

  #invalidationsSoFar(): number {
    const { counters } = this.table;
    return counters[C.FLUSH_WALKS] + counters[C.IOTLB_SYNCS] + counters[C.FLUSH_ALLS];
  }

  /** The address space ends: it refers to nothing any more, and its children to nobody. */
  end(): void {
    this.unmapped(0, Number.POSITIVE_INFINITY);
    for (const child of this.children) child.#parent = null;
    const parent = this.#parent;
    if (parent instanceof NestedSpace) parent.children.splice(parent.children.indexOf(this), 1);
  }
}
