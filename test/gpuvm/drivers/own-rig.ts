import fc from 'fast-check';
import { expect } from 'vitest';
import { BufferObjects } from '../../../src/gpuvm/buffer-object.ts';
import * as N from '../../../src/gpuvm/gpu-counters.ts';
import { GPU_MAP, GPU_MAP_NULL, GPU_UNMAP, GpuJob, type GpuOp } from '../../../src/gpuvm/gpu-job.ts';
import type { GpuLog, GpuVm, GpuVmParts, ReservationDesk } from '../../../src/gpuvm/gpu-vm.ts';
import * as C from '../../../src/lpae/counters.ts';

export const K = 1024;
export const M = 2 ** 20;
export const G = 2 ** 30;

/** Nothing is reserved through an allocator. */
const NO_DESK: ReservationDesk = {
  stats: { hold: () => {} },
  announced: false,
  reserved: 0,
  granted: 0,
  used: 0,
  submit: () => -1,
  begin: () => true,
  end: () => {},
  cleanup: () => {},
};

/** Objects by name: segments as physical address and size. */
export type Backing = Readonly<
  Record<string, { readonly folio?: number; readonly segments: readonly (readonly [number, number])[] }>
>;

/** A driver's address space, driven by hand. */
export class Rig<Vm extends GpuVm> {
  readonly objects = new BufferObjects();
  readonly log: string[] = [];
  readonly vm: Vm;
  /** Bytes that the driver said it holds. */
  held = 0;
  #jobs = 0;

  constructor(backing: Backing, make: (parts: GpuVmParts) => Vm, parts: Partial<GpuVmParts> = {}) {
    for (const [id, { folio, segments }] of Object.entries(backing)) {
      this.objects.declare({
        op: 'bo',
        id,
        size: segments.reduce((sum, [, size]) => sum + size, 0),
        segments: segments.map(([paddr, size]) => ({ paddr: `0x${paddr.toString(16)}`, size })),
        ...(folio === undefined ? {} : { folio }),
      });
    }
    const log: GpuLog = {
      command: (name) => this.log.push(name),
      addressed: (name, hi, lo, size) => this.log.push(`${name} ${(hi * 2 ** 32 + lo).toString(16)} ${size}`),
    };
    this.vm = make({
      kernel: '7.1',
      ias: 48,
      resident: true,
      table: null,
      desk: { ...NO_DESK, stats: { hold: (bytes) => (this.held += bytes) } },
      objects: this.objects,
      log,
      ...parts,
    });
  }

  map(start: number, size: number, id: string, offset = 0): GpuOp {
    return { kind: GPU_MAP, start, size, object: this.objects.get(id), offset, flags: 0, aligned: true };
  }

  zeros(start: number, size: number): GpuOp {
    return { kind: GPU_MAP_NULL, start, size, object: null, offset: 0, flags: 0, aligned: true };
  }

  unmap(start: number, size: number): GpuOp {
    return { kind: GPU_UNMAP, start, size, object: null, offset: 0, flags: 0, aligned: true };
  }

  job(...ops: GpuOp[]): GpuJob {
    const seq = this.#jobs++;
    return new GpuJob(`j${seq}`, false, ops, seq, seq + 1);
  }

  sync(...ops: GpuOp[]): GpuJob {
    const job = this.job(...ops);
    this.vm.runSync(job);
    return job;
  }

  counter(index: number): number {
    return this.vm.counters[index];
  }

  own(index: number): number {
    return this.vm.own?.counters[index] ?? Number.NaN;
  }

  /** Start, end, object, offset and flags of each VMA. */
  get vmas(): number[][] {
    const { start, end, object, offset, flags } = this.vm.vmas;
    return [...this.vm.vmas].map((vma) => [start[vma], end[vma], object[vma], offset[vma], flags[vma]]);
  }

  /** Live tables by level. */
  get live(): number[] {
    return [0, 1, 2, 3].map((level) => this.own(C.LEVEL_ALLOCS + level) - this.own(C.LEVEL_FREES + level));
  }
}

/** Page by page, what a sequence of operations leaves mapped: address to physical address, -1 for zeros. */
export class NaivePages {
  readonly pages = new Map<number, number>();

  apply(op: GpuOp): void {
    for (let at = 0; at < op.size; at += 4096) {
      if (op.kind === GPU_UNMAP) this.pages.delete(op.start + at);
      else this.pages.set(op.start + at, op.object === null ? -1 : op.object.paddrAt(op.offset + at));
    }
  }

  /** Bytes that an operation changes in what is mapped now, or maps: those that it takes away, and those that it brings. */
  changedBy({ kind, start, size }: GpuOp): number {
    let gone = 0;
    for (let at = start; at < start + size; at += 4096) if (this.pages.has(at)) gone += 4096;
    return kind === GPU_UNMAP ? gone : gone + size;
  }

  /** Bytes. */
  get mapped(): number {
    return this.pages.size * 4096;
  }
}

/** A window of the address space holds what it should, page by page, and nothing is mapped around it. */
export function expectPages(rig: Rig<GpuVm>, naive: NaivePages, base: number, reach: number): void {
  for (let at = base; at < base + reach; at += 4 * K) {
    const paddr = naive.pages.get(at) ?? -1;
    const found = rig.vm.translate(at);
    if (found !== paddr) expect({ at, found }).toEqual({ at, found: paddr });
  }
  expect(rig.own(C.MAPPED_BYTES)).toBe(naive.mapped);
  expect(rig.vm.translate(base - 1)).toBe(-1);
  expect(rig.vm.translate(base + reach)).toBe(-1);
  const leaves = [...(rig.vm.own?.leafSizes() ?? [])];
  expect(leaves.reduce((sum, [size, count]) => sum + size * count, 0)).toBe(naive.mapped);
}

/** What the driver holds and says that it holds are the pages that are occupied. */
export function expectHeld(rig: Rig<GpuVm>): void {
  const held = (rig.counter(N.OWN_PAGES) - rig.counter(N.OWN_PAGES_FREED)) * 4096;
  expect([rig.held, held]).toEqual([rig.own(C.BYTES_OCCUPIED), rig.own(C.BYTES_OCCUPIED)]);
  expect(rig.counter(N.OWN_HELD_PEAK)).toBe(rig.own(C.BYTES_OCCUPIED_PEAK));
}

/**
 * Submits a job of which the nth table cannot be had: it fails, and nothing may have changed. Null: it took fewer tables and went
 * through.
 */
export function submitShort(rig: Rig<GpuVm>, draws: readonly Draw[], nth: number): GpuJob | null {
  const { vm, vmas, live } = rig;
  const job = rig.job(...draws.map((draw) => opOf(rig, draw)));
  if (vm.own !== null) vm.own.failAllocIn = nth;
  vm.submit(job);
  if (job.ret === 0) {
    expect(job.reserved).toBeLessThan(nth);
    return null;
  }
  expect(job).toMatchObject({ ret: -12, reserved: 0, used: 0 });
  expect(job.failedOp).toBeGreaterThanOrEqual(0);
  expect([rig.live, rig.vmas]).toEqual([live, vmas]);
  expect(vm.unusable).toBeNull();
  return job;
}

/** Ends the address space, which must leave nothing. */
export function expectNothingLeft(rig: Rig<GpuVm>): void {
  expectHeld(rig);
  rig.vm.destroy();
  expectHeld(rig);
  expect(rig.live).toEqual([0, 0, 0, 0]);
  for (const zero of [C.TABLES_LIVE, C.BYTES_OCCUPIED, C.BYTES_LOGICAL, C.MAPPED_BYTES]) expect(rig.own(zero)).toBe(0);
  expect(rig.own(C.LEAVES_WRITTEN)).toBe(rig.own(C.LEAVES_CLEARED));
  expect(rig.vm.vmas.size).toBe(0);
}

/** A map must not cost a search through all pages. */
export function expectFastMaps(rig: Rig<GpuVm>, id: string): void {
  const rounds = 4000;
  const started = performance.now();
  for (let at = 0; at < rounds; at++) rig.sync(rig.map(((at * 64) % 8192) * K, 64 * K, id, 0));
  // Generous: a busy machine must not fail it.
  expect(((performance.now() - started) / rounds) * 1000).toBeLessThan(200);
}

/** Scattered 4K pages of an object, in a pattern in which no run of two goes on. */
export function scatteredPages(bytes: number): [paddr: number, size: number][] {
  return Array.from({ length: bytes / (4 * K) }, (_, at) => [0x40000000 + ((at * 7919) % 65536) * 8 * K, 4 * K]);
}

/** An operation in units that put borders on, before and behind those of pages and tables. */
export interface Draw {
  readonly kind: 'map' | 'unmap' | 'zeros';
  readonly start: number;
  readonly size: number;
  readonly id: string;
  readonly offset: number;
}

/** Operations within `reach` bytes from `base`; objects are those named, of `bytes` bytes each. */
export function drawOps(base: number, reach: number, ids: readonly string[], bytes: number): fc.Arbitrary<Draw> {
  const place = (limit: number): fc.Arbitrary<number> =>
    fc
      .tuple(
        fc.nat(Math.floor(limit / (2 * M))),
        fc.constantFrom(0, 0, 0, 4 * K, 64 * K, M, 2 * M - 64 * K, 2 * M - 4 * K),
      )
      .map(([slot, rest]) => Math.min(limit, slot * 2 * M + rest));
  return fc
    .record({
      kind: fc.constantFrom('map', 'map', 'map', 'unmap', 'unmap', 'zeros') as fc.Arbitrary<Draw['kind']>,
      from: place(reach),
      to: place(reach),
      length: fc.constantFrom(0, 0, 4 * K, 64 * K, 2 * M),
      id: fc.constantFrom(...ids),
      // As a rule an object lies where its offset is that of the address, so that mappings go on into each other.
      shift: fc.constantFrom(0, 0, 0, 4 * K, 64 * K),
    })
    .map(({ kind, from, to, length, id, shift }) => {
      const start = Math.min(from, to, reach - 4 * K);
      const size = Math.min(length === 0 ? Math.max(4 * K, Math.abs(to - from)) : length, reach - start);
      return { kind, start: base + start, size, id, offset: Math.min(start + shift, bytes - size) };
    });
}

export function opOf<Vm extends GpuVm>(rig: Rig<Vm>, { kind, start, size, id, offset }: Draw): GpuOp {
  if (kind === 'unmap') return rig.unmap(start, size);
  return kind === 'zeros' ? rig.zeros(start, size) : rig.map(start, size, id, offset);
}
