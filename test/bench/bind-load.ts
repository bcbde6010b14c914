/** Random binds in a steady state, with nothing around the rules of a GPU driver. */
import type { Kernel } from '../../src/base/vocabulary.ts';
import type { BufferObject } from '../../src/gpuvm/buffer-object.ts';
import { GPU_MAP, GPU_UNMAP, GpuJob, type GpuOp } from '../../src/gpuvm/gpu-job.ts';
import { G, K, type LpaeDriver, LpaeVm } from '../gpuvm/drivers/lpae-vm.ts';
import type { Measurement } from './measure.ts';
import { seededRandom } from './random.ts';

export const SIZE = 64 * K;
/** Behind the first 4 GiB, where msm's address space begins. */
export const FIRST = 4 * G;
/** Objects to map, each contiguous. */
export const OBJECTS = 256;
/** Two thirds of the slots are mapped, when binds are to equal parts maps of free slots, maps over mapped ones and unmaps. */
export const SLOTS_PER_VMA = 1.5;
const BINDS = 100_000;
const ROUNDS = 8;

/** The best of some rounds of `DRIVER,KERNEL,VMAS`, after two that warm up: what else the machine did is in the others. */
export function measureBinds(input: string): Measurement {
  const [driver, kernel, vmas] = input.split(',');
  const load = new BindLoad(new LpaeVm(driver as LpaeDriver, kernel as Kernel), Number(vmas));
  const seconds: number[] = [];
  for (let round = -2; round < ROUNDS; round++) {
    const start = process.hrtime.bigint();
    load.run(BINDS);
    if (round >= 0) seconds.push(Number(process.hrtime.bigint() - start) / 1e9);
  }
  const { user, system } = process.cpuUsage();
  const peakKib = process.resourceUsage().maxRSS;
  return { events: BINDS, seconds: Math.min(...seconds), cpu: (user + system) / 1e6, peakKib };
}

/** An address space in the steady state of random maps, maps over what is mapped, and unmaps of 64 KiB. */
class BindLoad {
  readonly #vm: LpaeVm;
  readonly #objects: BufferObject[] = [];
  readonly #mapped: Uint8Array;
  readonly #random = seededRandom(7);

  constructor(vm: LpaeVm, vmas: number) {
    this.#vm = vm;
    for (let i = 0; i < OBJECTS; i++) this.#objects.push(vm.declare([{ paddr: FIRST + i * 2 * SIZE, size: SIZE }]));
    this.#mapped = new Uint8Array(vmas * SLOTS_PER_VMA);
    for (let slot = 0; slot < this.#mapped.length; slot++) if (slot % 3 !== 0) this.#bind(slot, true);
  }

  run(binds: number): void {
    const slots = this.#mapped.length;
    for (let i = 0; i < binds; i++) {
      const slot = Math.floor(this.#random() * slots);
      this.#bind(slot, this.#mapped[slot] === 0 || this.#random() < 0.5);
    }
  }

  #bind(slot: number, map: boolean): void {
    const op: GpuOp = {
      kind: map ? GPU_MAP : GPU_UNMAP,
      start: FIRST + slot * SIZE,
      size: SIZE,
      object: map ? this.#objects[Math.floor(this.#random() * OBJECTS)] : null,
      offset: 0,
      flags: 0,
      aligned: true,
    };
    this.#mapped[slot] = map ? 1 : 0;
    const job = new GpuJob('j', true, [op], 0, 1);
    this.#vm.gpu.runSync(job);
    if (job.ret !== 0) throw new Error(`a bind answered ${job.ret}`);
  }
}
