import fc from 'fast-check';
import { BufferObjects } from '../../../src/gpuvm/buffer-object.ts';
import { GPU_MAP, GPU_MAP_NULL, GPU_UNMAP, GpuJob, type GpuOp } from '../../../src/gpuvm/gpu-job.ts';
import type { GpuLog, GpuVm, GpuVmParts, ReservationDesk } from '../../../src/gpuvm/gpu-vm.ts';
import * as C from '../../../src/lpae/counters.ts';

export const K = 1024;
export const M = 2 ** 20;
export const G = 2 ** 30;

/** Nothing is reserved through an allocator. */
const NO_DESK: ReservationDesk = {
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
      desk: NO_DESK,
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

  /** Bytes. */
  get mapped(): number {
    return this.pages.size * 4096;
  }
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
