/** src/lpae and src/iommu against the naive engine of test/reference, on random sequences under random configurations. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { KernelAllocator } from '../../src/allocator/kernel.ts';
import { bitmapSizes } from '../../src/base/sizes.ts';
import { hex64 } from '../../src/base/u64.ts';
import { NoFlush } from '../../src/flush/none.ts';
import { IommuDomain } from '../../src/iommu/domain.ts';
import { DomainTlb } from '../../src/iommu/domain-tlb.ts';
import type { TlbLog } from '../../src/iommu/flush-policy.ts';
import * as C from '../../src/lpae/counters.ts';
import { readDirty, setDirty } from '../../src/lpae/dirty.ts';
import { ConfigRefused, type PgtableConfig } from '../../src/lpae/format/config.ts';
import { iovaToPhys, walkPageTable } from '../../src/lpae/lookup.ts';
import { mapPages } from '../../src/lpae/map.ts';
import { PageTable } from '../../src/lpae/page-table.ts';
import { defaultPlacement, TableMemory } from '../../src/lpae/table/memory.ts';
import { unmapPages } from '../../src/lpae/unmap.ts';
import { visitEntries } from '../../src/lpae/visit.ts';
import { hex, NaiveEngine, type NaiveEvent } from '../reference/naive-engine.ts';
import { NaiveRefusal } from '../reference/naive-geometry.ts';
import { NaiveGather, naiveMap, naiveUnmap, naiveUnmapFast } from '../reference/naive-iommu.ts';
import { abstractOps, concreteOp, configs, type Op } from './random-ops.ts';

const high = (value: bigint): number => Number((value >> 32n) & 0xffffffffn);
const low = (value: bigint): number => Number(value & 0xffffffffn);
const wide = (hi: number, lo: number): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);

/** Callbacks in the form that the naive engine records them, runs expanded. */
class Recorder implements TlbLog {
  events: NaiveEvent[] = [];

  flushWalk(hi: number, lo: number, size: number, granule: number): void {
    this.events.push(['FLUSH_WALK', hex64(hi, lo), size, granule]);
  }
  addPages(hi: number, lo: number, size: number, count: number): void {
    for (let i = 0; i < count; i++) {
      this.events.push(['ADD_PAGE', hex(BigInt.asUintN(64, wide(hi, lo) + BigInt(i * size))), size]);
    }
  }
  iotlbSync(startHi: number, startLo: number, endHi: number, endLo: number, pgsize: number): void {
    this.events.push(['IOTLB_SYNC', hex64(startHi, startLo), hex64(endHi, endLo), pgsize]);
  }
  flushAll(): void {
    this.events.push(['FLUSH_ALL']);
  }
}

/** One arena for all sequences of a run, so that recycled tables of every size are met. */
let memory = new TableMemory(1024);

class Pair {
  readonly recorder = new Recorder();
  readonly domain: IommuDomain;
  readonly naive: NaiveEngine;
  readonly #base: bigint;

  /** Throws ConfigRefused or NaiveRefusal. */
  constructor(config: PgtableConfig) {
    this.naive = new NaiveEngine({
      ...config,
      pgsizes: BigInt(config.pgsizes),
      partialUnmap: config.partialUnmap === 'whole' ? 'refuse' : config.partialUnmap,
    });
    const tlb = new DomainTlb(config.kernel, new NoFlush(), this.recorder);
    const table = new PageTable(config, memory, new KernelAllocator(), tlb, defaultPlacement());
    this.domain = new IommuDomain(table, tlb);
    const upperHalf = config.quirks.includes('TTBR1');
    this.#base = upperHalf ? BigInt.asUintN(64, -1n << BigInt(table.config.ias)) : 0n;
  }

  /** Both answers to an operation, `shift` bytes off its aligned address. */
  run(op: Op, shift: number): { ours: unknown; theirs: unknown } {
    const { domain, naive } = this;
    const { table } = domain;
    const iova = BigInt.asUintN(64, this.#base + BigInt(op.iova + shift));
    const paddr = BigInt(op.paddr);
    const at = [high(iova), low(iova)] as const;
    const to = [high(paddr), low(paddr)] as const;
    const pages = [BigInt(op.pgsize), BigInt(op.count)] as const;
    switch (op.kind) {
      case 'map':
        return {
          ours: domain.map(...at, ...to, op.pgsize * op.count, op.prot),
          theirs: naiveMap(naive, iova, paddr, BigInt(op.pgsize * op.count), op.prot),
        };
      case 'unmap': {
        const bytes = op.pgsize * op.count;
        if (op.gather !== 'queued') {
          return { ours: domain.unmap(...at, bytes), theirs: Number(naiveUnmap(naive, iova, BigInt(bytes))) };
        }
        const gather = new NaiveGather(naive, true);
        return {
          ours: domain.unmapQueued(...at, bytes),
          theirs: Number(naiveUnmapFast(naive, iova, BigInt(bytes), gather)),
        };
      }
      case 'mapPages': {
        const ret = mapPages(table, ...at, ...to, op.pgsize, op.count, op.prot);
        const theirs = naive.mapPages(iova, paddr, ...pages, op.prot);
        return { ours: [ret, table.mapped], theirs: [theirs.ret, Number(theirs.mapped)] };
      }
      case 'unmapPages': {
        const gather = op.gather === 'none' ? null : new NaiveGather(naive, op.gather === 'queued');
        const theirs = Number(naive.unmapPages(iova, ...pages, gather));
        if (op.gather === 'synced') gather?.sync();
        let ours: number;
        if (op.gather === 'none') ours = unmapPages(table, ...at, op.pgsize, op.count, null);
        else if (op.gather === 'queued') ours = domain.unmapPagesQueued(...at, op.pgsize, op.count);
        else ours = domain.unmapPagesSynced(...at, op.pgsize, op.count);
        return { ours, theirs };
      }
      default:
        return this.#lookUp(iova, op);
    }
  }

  #lookUp(iova: bigint, op: Op): { ours: unknown; theirs: unknown } {
    const { naive } = this;
    const { table } = this.domain;
    const found = iovaToPhys(table, high(iova), low(iova));
    const walk = walkPageTable(table, high(iova), low(iova));
    const ptes = [...walk.entries].map((slot) => (slot < 0 ? null : wide(memory.hi[slot], memory.lo[slot])));
    const records: [bigint, bigint][] = [];
    const changed = setDirty(table, high(iova), low(iova));
    // Ranges that wrap at 2^64 are a matter of the kernel's loop, which the naive engine does not copy.
    const size = Math.min(op.pgsize * op.count, 2 ** table.config.ias - Number(iova - this.#base));
    const ret = readDirty(table, high(iova), low(iova), size, op.prot % 2 === 0, (hi, lo, bytes) => {
      records.push([wide(hi, lo), BigInt(bytes)]);
    });
    const paddr = found ? wide(table.foundHi, table.foundLo) : null;
    const theirs = [naive.iovaToPhys(iova), naive.walk(iova), naive.setDirty(iova)];
    const dirty = naive.readDirty(iova, BigInt(size), op.prot % 2 === 0);
    return { ours: [paddr, { ptes, leaf: walk.leaf }, changed, { ret, records }], theirs: [...theirs, dirty] };
  }

  ourCounters(): Record<string, number> {
    const { counters } = this.domain.table;
    return {
      allocs: counters[C.TABLE_ALLOCS],
      frees: counters[C.TABLE_FREES],
      ptSyncs: counters[C.PT_SYNCS],
      warns: counters[C.WARNS],
      flushWalks: counters[C.FLUSH_WALKS],
      addPages: counters[C.ADD_PAGES],
      iotlbSyncs: counters[C.IOTLB_SYNCS],
      flushAlls: counters[C.FLUSH_ALLS],
      peak: counters[C.TABLES_PEAK],
    };
  }

  theirCounters(): Record<string, number> {
    const { partialRefusals: _once, pgdOverruns: _cut, ...counters } = this.naive.counters;
    return counters;
  }

  ourDump(): string[] {
    const lines: string[] = [];
    visitEntries(this.domain.table, (entry) => {
      const pte = hex64(entry.pteHi, entry.pteLo);
      const table = memory.addressOf(entry.table);
      lines.push(`${entry.level} 0x${table.toString(16)} ${entry.index} ${hex64(entry.iovaHi, entry.iovaLo)} ${pte}`);
      return true;
    });
    return lines;
  }

  theirDump(): string[] {
    return this.naive
      .dump()
      .map(({ level, table, index, iova, pte }) => `${level} ${hex(table)} ${index} ${hex(iova)} ${hex(pte)}`);
  }
}

/** Null when the configuration is one that both refuse. */
function pairOf(config: PgtableConfig): Pair | null {
  try {
    return new Pair(config);
  } catch (error) {
    if (!(error instanceof NaiveRefusal)) throw error;
    const tlb = new DomainTlb(config.kernel, new NoFlush(), null);
    expect(() => new PageTable(config, memory, new KernelAllocator(), tlb)).toThrow(ConfigRefused);
    return null;
  }
}

const steps = fc.array(
  fc.tuple(abstractOps, fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 16, 2048), fc.constantFrom(0, 0, 0, 0, 0, 0, 2)),
  {
    minLength: 1,
    maxLength: 40,
    size: 'max',
  },
);

it('gives the results, callbacks, counters and tables of the naive engine', () => {
  let accepted = 0;
  let failures = 0;
  fc.assert(
    fc.property(configs(['refuse', 'split']), steps, (config, sequence) => {
      // What a failed sequence left must not fail the smaller ones that are tried after it.
      if (memory.tables > 0) memory = new TableMemory(1024);
      const pair = pairOf(config);
      if (pair === null) return;
      accepted++;
      const { table } = pair.domain;
      const sizes = bitmapSizes(table.config.pgsizes);
      for (const [abstract, shift, failAt] of sequence) {
        if (failAt > 0) {
          table.failAllocIn = failAt;
          pair.naive.failAlloc(failAt);
          failures++;
        }
        const op = concreteOp(abstract, sizes, table.config.ias, table.config.oas);
        const { ours, theirs } = pair.run(op, shift);
        const context = { config, op, shift };
        expect({ ...context, result: ours }).toEqual({ ...context, result: theirs });
        expect({ ...context, events: pair.recorder.events }).toEqual({ ...context, events: pair.naive.events });
        expect({ ...context, ...pair.ourCounters() }).toEqual({ ...context, ...pair.theirCounters() });
        pair.recorder.events = [];
        pair.naive.events = [];
      }
      expect(pair.ourDump()).toEqual(pair.theirDump());
      table.destroy();
      pair.naive.destroy();
      expect(pair.ourCounters()).toEqual(pair.theirCounters());
      expect(memory.tables).toBe(0);
    }),
    { seed: 20240601, numRuns: 300 },
  );
  // The generator must not drift into configurations that both refuse.
  expect(accepted).toBeGreaterThan(200);
  expect(failures).toBeGreaterThan(500);
});
