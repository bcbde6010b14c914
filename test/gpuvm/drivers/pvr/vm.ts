import { BufferObjects } from '../../../../src/gpuvm/buffer-object.ts';
import { PvrVm } from '../../../../src/gpuvm/drivers/pvr/pvr.ts';
import { GPU_MAP, GPU_UNMAP, GpuJob, type GpuOp } from '../../../../src/gpuvm/gpu-job.ts';
import type { GpuLog, ReservationDesk } from '../../../../src/gpuvm/gpu-vm.ts';

export const K = 2 ** 10;
export const M = 2 ** 20;
export const G = 2 ** 30;
export const PAGE = 4 * K;

/** Such a driver reserves by itself: no desk may be asked. */
const NO_DESK: ReservationDesk = {
  stats: { hold: () => {} },
  announced: false,
  reserved: 0,
  granted: 0,
  used: 0,
  submit: () => {
    throw new Error('the desk was asked to reserve');
  },
  begin: () => true,
  end: () => {},
  cleanup: () => {},
};

/** A PowerVR address space that a test drives with single operations. */
export class PvrBench {
  readonly objects = new BufferObjects();
  readonly commands: string[] = [];
  readonly vm: PvrVm;
  readonly #log: GpuLog = { command: (name) => this.commands.push(name), addressed: () => {} };

  constructor() {
    this.vm = new PvrVm({
      kernel: '7.1',
      ias: 40,
      resident: true,
      table: null,
      desk: NO_DESK,
      objects: this.objects,
      log: this.#log,
    });
  }

  /** An object in DMA segments of so many bytes, the last one maybe smaller, with holes between them. */
  declare(id: string, size: number, segment: number, base = 0): void {
    const segments = Array.from({ length: Math.ceil(size / segment) }, (_, i) => ({
      paddr: `0x${(base + i * 2 * segment).toString(16)}` as const,
      size: Math.min(segment, size - i * segment),
    }));
    this.objects.declare({ op: 'bo', id, size, segments });
  }

  map(id: string, start: number, size: number, offset = 0): GpuJob {
    return this.#run({ kind: GPU_MAP, start, size, object: this.objects.get(id), offset, flags: 0, aligned: true });
  }

  unmap(start: number, size: number): GpuJob {
    return this.#run({ kind: GPU_UNMAP, start, size, object: null, offset: 0, flags: 0, aligned: true });
  }

  /** What a result line would tell of the tables after the last operation. */
  line(): Readonly<Record<string, unknown>> {
    return JSON.parse(`{"driver":"pvr"${this.vm.lineOfTables()}}`);
  }

  #run(op: GpuOp): GpuJob {
    const job = new GpuJob('job', true, [op], 0, 1);
    this.vm.runSync(job);
    return job;
  }
}
