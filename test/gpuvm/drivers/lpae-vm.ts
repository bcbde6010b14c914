import { ALLOCATORS } from '../../../src/allocator/registry.ts';
import { chooseModel, kindOf } from '../../../src/base/model.ts';
import type { Kernel } from '../../../src/base/vocabulary.ts';
import { NoFlush } from '../../../src/flush/none.ts';
import { type BufferObject, BufferObjects } from '../../../src/gpuvm/buffer-object.ts';
import { gpuDriver } from '../../../src/gpuvm/drivers/registry.ts';
import { GPU_MAP, GPU_MAP_NULL, GPU_UNMAP, GpuJob, type GpuOp } from '../../../src/gpuvm/gpu-job.ts';
import type { GpuVm } from '../../../src/gpuvm/gpu-vm.ts';
import { DEFAULT_CONFIG, defaultPartialUnmap } from '../../../src/lpae/format/config.ts';
import type { PageTable } from '../../../src/lpae/page-table.ts';
import { TableMemory } from '../../../src/lpae/table/memory.ts';
import { AddressSpace } from '../../../src/replay/spaces/address-space.ts';

export const K = 2 ** 10;
export const M = 2 ** 20;
export const G = 2 ** 30;
export const PAGE = 4 * K;
export const HUGE = 2 * M;

export interface Piece {
  readonly paddr: number;
  readonly size: number;
}

export type LpaeDriver = 'panthor' | 'msm';

/** An address space of panthor or msm as a replay makes it, which a test drives with operations. */
export class LpaeVm {
  readonly objects = new BufferObjects();
  readonly space: AddressSpace;
  readonly gpu: GpuVm;
  readonly table: PageTable;
  readonly driver: LpaeDriver;
  readonly kernel: Kernel;

  /** `allocator` as the command line names it; left out: the driver's own. */
  constructor(driver: LpaeDriver, kernel: Kernel = '7.1', allocator: string | null = null, resident = true) {
    const kind = gpuDriver(driver);
    if (kind === null) throw new Error(`no driver ${driver}`);
    const choice = allocator === null ? kind.allocator : chooseModel(allocator, ALLOCATORS);
    if (choice === null || typeof choice === 'string') throw new Error(`${driver}: ${choice}`);
    this.driver = driver;
    this.kernel = kernel;
    const config = {
      ...DEFAULT_CONFIG,
      kernel,
      partialUnmap: defaultPartialUnmap(kernel),
      pgsizes: kind.pgsizes,
      quirks: kind.quirks([], kernel),
    };
    this.space = new AddressSpace({
      id: 'vm0',
      config,
      memory: new TableMemory(),
      driver,
      gpu: (table, desk) =>
        kind.create({ kernel, ias: config.ias, resident, table, desk, objects: this.objects, log: null }),
      ownFormat: false,
      allocator: kindOf(choice, ALLOCATORS).create(choice.parameters, { zero: true }),
      allocatorName: choice.name,
      policy: () => new NoFlush(),
      policyName: 'none',
      log: null,
      tableBase: undefined,
      tableMin: undefined,
      failAllocIn: 0,
    });
    const { gpu, table } = this.space;
    if (gpu === null || table === null) throw new Error('no address space');
    this.gpu = gpu;
    this.table = table;
  }

  /** An object of these pieces, in folios of at most `folio` bytes. */
  declare(pieces: readonly Piece[], folio = PAGE): BufferObject {
    const id = `b${this.objects.all.length}`;
    const segments = pieces.map(({ paddr, size }) => ({ paddr: hex(paddr), size }));
    const size = pieces.reduce((sum, piece) => sum + piece.size, 0);
    this.objects.declare({ op: 'bo', id, size, segments, folio });
    return this.objects.get(id) as BufferObject;
  }

  /** A synchronous job, from its entry to its return. */
  run(...ops: readonly GpuOp[]): GpuJob {
    const job = new GpuJob('sync', true, ops, 0, 1);
    this.gpu.beginLine();
    this.gpu.runSync(job);
    return job;
  }

  /** An asynchronous job that is submitted and waits. */
  submit(...ops: readonly GpuOp[]): GpuJob {
    const job = new GpuJob('async', false, ops, 0, 1);
    job.waits = true;
    this.gpu.submit(job);
    return job;
  }
}

export function hex(value: number): `0x${string}` {
  return `0x${value.toString(16)}`;
}

const aligned = (...values: readonly number[]): boolean => values.every((value) => value % PAGE === 0);

export function mapOp(start: number, size: number, object: BufferObject, offset = 0, flags = 0): GpuOp {
  return { kind: GPU_MAP, start, size, object, offset, flags, aligned: aligned(start, size, offset) };
}

export function unmapOp(start: number, size: number): GpuOp {
  return { kind: GPU_UNMAP, start, size, object: null, offset: 0, flags: 0, aligned: aligned(start, size) };
}

export function nullOp(start: number, size: number): GpuOp {
  return { kind: GPU_MAP_NULL, start, size, object: null, offset: 0, flags: 0, aligned: aligned(start, size) };
}
