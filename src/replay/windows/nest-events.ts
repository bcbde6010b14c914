import { TWO_32 } from '../../base/u64.ts';
import { GenericDomain } from '../../iommu/generic/generic-domain.ts';
import { visitEntries } from '../../lpae/visit.ts';
import type { Batch } from '../../trace/batch.ts';
import type * as E from '../../trace/events.ts';
import { addressHex, addressNumber, PAGE_4K } from '../../window/address.ts';
import { type AddressRange, Aperture } from '../../window/aperture.ts';
import { NestTally } from '../../window/nested/nest-tally.ts';
import { NestedDomain } from '../../window/nested/nested-domain.ts';
import { NestedSpace } from '../../window/nested/nested-space.ts';
import { type Parent, RegisteredMemory } from '../../window/nested/parent.ts';
import type { WindowSystem } from '../../window/tce/system.ts';
import type { ResultLines } from '../results/result-lines.ts';
import type { AddressSpace } from '../spaces/address-space.ts';
import type { SpaceDirectory } from '../spaces/space-directory.ts';
import type { DmaOptions } from './options.ts';
import { SpaceRules } from './space-rules.ts';
import { readRanges } from './window-fields.ts';

/** Address spaces whose maps refer to a parent's, and the windows and reserved ranges of address spaces of any kind. */
export class NestEvents {
  readonly tally = new NestTally();
  /** All that are part of a tree, roots included, with what stands behind them. */
  readonly spaces: AddressSpace[] = [];
  readonly #passthrough = new Map<string, Parent>();
  readonly #options: DmaOptions;
  readonly #directory: SpaceDirectory;
  readonly #system: WindowSystem;
  readonly #results: ResultLines | null;

  constructor(options: DmaOptions, directory: SpaceDirectory, system: WindowSystem, results: ResultLines | null) {
    this.#options = options;
    this.#directory = directory;
    this.#system = system;
    this.#results = results;
  }

  /** Whether the trace has any tree of address spaces. */
  get used(): boolean {
    return this.spaces.length > 0 || this.#passthrough.size > 0;
  }

  /** A `nest`: a child of an address space, or the registered memory of a process as a root. */
  nest(event: E.NestEvent, batch: Batch, i: number, seq: number): void {
    const id = JSON.stringify(event.id);
    if (event.parent === undefined) {
      if (this.#passthrough.has(event.id)) throw this.#exists(event.id, batch, i);
      this.#passthrough.set(event.id, new RegisteredMemory(this.#system.mm(event.mm ?? 'mm0')));
      this.#results?.plain(seq, 'nest', `,"domain":${id},"ret":0,"depth":0,"walkSteps":0`);
      return;
    }
    if (this.#passthrough.has(event.id)) throw this.#exists(event.id, batch, i);
    const above = this.#passthrough.get(event.parent) ?? this.#root(event.parent, batch, i);
    let domain: NestedDomain | null = null;
    const space = this.#directory.create(domainOf(event), batch, i, (table, tlb) => {
      domain = new NestedDomain(table, tlb);
      return domain;
    });
    const several = this.#directory.several;
    if (this.#results !== null) this.#results.severalDomains = several;
    if (domain === null || space.refusal !== null) {
      const { ret, reason } = space.refusal ?? { ret: 0, reason: '' };
      this.#results?.plain(seq, 'nest', `,"domain":${id},"ret":${ret},"reason":${JSON.stringify(reason)}`);
      return;
    }
    const child = this.#child(event, domain, above);
    const rules = this.#rulesOf(space);
    rules.nest = child;
    this.spaces.push(space);
    const ret = event.windows === undefined ? 0 : this.#firstWindows(event.windows, space, rules);
    const kind = child.hardware ? 'hardware' : 'software';
    const { startLevel } = child.table;
    this.#results?.plain(
      seq,
      'nest',
      `,"domain":${id},"ret":${ret},"depth":${child.depth},"nesting":"${kind}","startLevel":${startLevel},"walkSteps":${child.walkSteps}${windowsField(rules.aperture)}`,
    );
  }

  #child(event: E.NestEvent, domain: NestedDomain, parent: Parent): NestedSpace {
    const kind = event.kind ?? 'kernel';
    const space = new NestedSpace({
      id: event.id,
      domain,
      kind,
      parent,
      depth: parent instanceof NestedSpace ? parent.depth + 1 : 1,
      // The kernel does not read a guest's own tables, so that hardware must; registered memory has no tables to walk.
      hardware:
        parent instanceof NestedSpace && (kind === 'user' || (event.nesting ?? this.#options.nesting) === 'hardware'),
      tally: this.tally,
    });
    domain.space = space;
    return space;
  }

  /** The address space of that id as a parent. */
  #root(id: string, batch: Batch, i: number): NestedSpace {
    const space = this.#directory.byName(id, batch, i);
    const domain = this.#directory.usable(space, batch, i);
    const known = space.rules?.nest;
    if (known !== null && known !== undefined) return known;
    if (space.gpu !== null) {
      const message = `domain ${JSON.stringify(id)} follows the rules of ${space.driver}, whose binds know no children; nest below a plain IOMMU domain`;
      throw this.#directory.error(batch, i, message);
    }
    if (domain instanceof GenericDomain) {
      const message = `nest below domain ${JSON.stringify(id)}: nested address spaces are replayed with the engine arm only; leave --engine generic out`;
      throw this.#directory.error(batch, i, message);
    }
    const root = new NestedSpace({
      id,
      domain,
      kind: 'kernel',
      parent: null,
      depth: 0,
      hardware: false,
      tally: this.tally,
    });
    this.#rulesOf(space).nest = root;
    this.spaces.push(space);
    return root;
  }

  #exists(id: string, batch: Batch, i: number): Error {
    return this.#directory.error(batch, i, `nest ${JSON.stringify(id)} exists already; choose another id`);
  }

  #rulesOf(space: AddressSpace): SpaceRules {
    space.rules ??= new SpaceRules(this.#options.parentUnmap);
    return space.rules;
  }

  #apertureOf(space: AddressSpace, declared: boolean): Aperture {
    const rules = this.#rulesOf(space);
    rules.aperture ??= new Aperture(2 ** (space.table?.config.ias ?? 0), [], declared);
    return rules.aperture;
  }

  #firstWindows(windows: readonly E.NestWindow[], space: AddressSpace, rules: SpaceRules): number {
    rules.aperture = this.#apertureOf(space, true);
    for (const { base, size, pageSize } of windows) {
      const request = {
        base: base === undefined ? null : addressNumber(base),
        size,
        page: Math.max(PAGE_4K, pageSize ?? 0),
        fixed: false,
      };
      const made = rules.aperture.create(request);
      if (typeof made === 'number') return made;
    }
    return 0;
  }

  /** A window of an address space is created: IOVAs outside of windows can no longer be mapped. */
  createWindow(event: E.WindowCreateEvent, space: AddressSpace, seq: number): void {
    const aperture = this.#apertureOf(space, false);
    const made = aperture.create({
      base: event.base === undefined ? null : addressNumber(event.base),
      size: event.size ?? 0,
      page: Math.max(PAGE_4K, event.pageSize ?? 0),
      fixed: event.fixed === true,
    });
    const failed = typeof made === 'number';
    if (failed) space.failed(made);
    const rest = failed
      ? `,"ret":${made}`
      : `,"ret":0,"start":"${addressHex(made.start)}","size":${made.end - made.start}`;
    this.#results?.lookup(seq, 'window_create', space, rest);
  }

  removeWindow(event: E.WindowRemoveEvent, space: AddressSpace, seq: number): void {
    const aperture = this.#apertureOf(space, false);
    const ret = aperture.remove(addressNumber(event.start), (range) => isMapped(space, range));
    if (ret !== 0) space.failed(ret);
    this.#results?.lookup(seq, 'window_remove', space, `,"ret":${ret}`);
  }

  /** A device with reserved ranges comes to an address space, or somebody asks which IOVAs it has. */
  attach(event: E.AttachEvent, space: AddressSpace, batch: Batch, i: number, seq: number): void {
    const aperture = this.#apertureOf(space, false);
    let ret = 0;
    if (event.action !== 'query' && event.reserved !== undefined) {
      const ranges = readRanges('reserved', event.reserved);
      if (typeof ranges === 'string') throw this.#directory.error(batch, i, ranges);
      ret = aperture.reserve(ranges, (range) => isMapped(space, range));
      if (ret !== 0) space.failed(ret);
    }
    this.#results?.lookup(seq, 'attach', space, `,"ret":${ret}${windowsField(aperture)}${reservedField(aperture)}`);
  }
}

/** The configuration that a child asks for, as a domain would. */
function domainOf({ id, format, pgsizes, ias, oas, coherent }: E.NestEvent): E.DomainEvent {
  return {
    op: 'domain',
    id,
    ...(format === undefined ? {} : { format }),
    ...(pgsizes === undefined ? {} : { pgsizes }),
    ...(ias === undefined ? {} : { ias }),
    ...(oas === undefined ? {} : { oas }),
    ...(coherent === undefined ? {} : { coherent }),
  };
}

function windowsField(aperture: Aperture | null): string {
  const allowed = aperture?.allowed ?? null;
  return allowed === null ? '' : `,"windows":${rangesText(allowed)}`;
}

function reservedField({ reserved }: Aperture): string {
  return reserved.length === 0 ? '' : `,"reserved":${rangesText(reserved)}`;
}

function rangesText(ranges: readonly AddressRange[]): string {
  return `[${ranges.map(({ start, end }) => `["${addressHex(start)}","${addressHex(end)}"]`).join(',')}]`;
}

/** Whether anything in a range is mapped. */
function isMapped({ table }: AddressSpace, { start, end }: AddressRange): boolean {
  if (table === null) return false;
  let found = false;
  const last = end - PAGE_4K;
  visitEntries(
    table,
    ({ kid }) => {
      if (kid === 0) found = true;
      return !found;
    },
    {
      startHi: Math.floor(start / TWO_32),
      startLo: start >>> 0,
      lastHi: Math.floor(last / TWO_32),
      lastLo: ((last >>> 0) + PAGE_4K - 1) >>> 0,
    },
  );
  return found;
}
