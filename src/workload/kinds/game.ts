import type { BindOp } from '../../trace/events.ts';
import { contiguous, scattered } from '../memory/backing.ts';
import { HUGE, PAGE, PAGES_PER_HUGE } from '../memory/physical-memory.ts';
import { VaHeap } from '../memory/va-heap.ts';
import { type Bo, map, type Session, unmap } from '../session.ts';
import { count, MOST_STEPS, percent, submission, type WorkloadKind } from '../workload.ts';

const MIB = 2 ** 20;
/** Pages of the smallest and the largest mesh: 64 KiB and 4 MiB. */
const MESH_PAGES = [16, 1024] as const;
const LARGEST_RUN = 8;
/** Meshes fill the gaps that textures leave, each of which begins at a multiple of 2M. */
const MESH_ALIGN = 64 * 1024;

/** Something that is mapped whole. */
interface Resource {
  readonly iova: number;
  readonly bo: Bo;
}

export const GAME: WorkloadKind = {
  name: 'game',
  help: 'a level is loaded (large textures and meshes, ascending), then each frame streams a few of them out and in',
  feeds:
    'worst-case reservations where 2M blocks need hardly any table; jobs in flight that hold what others could use',
  parameters: [
    count('textures', 1, 4096, 400, 'textures of the level'),
    count('meshes', 0, 65_536, 200, 'meshes of the level, 64K to 4M'),
    count('size', 1, 32, 16, 'MiB of the largest texture without its smaller mips'),
    percent('huge', 90, '% of the textures that are backed by 2M pages'),
    count('frames', 0, MOST_STEPS, 2000, 'frames after the load, one bind each'),
    count('swaps', 1, 64, 2, 'textures that a frame replaces, an unmap and a map each'),
    ...submission('async', 8),
  ],
  *play(vm, values) {
    const heap = new VaHeap();
    const largest = values.number('size');
    const huge = values.number('huge');
    const texture = (): Resource => {
      // Powers of two, and a third more for the chain of smaller mips.
      const bytes = Math.ceil((vm.random.spread(1, largest) * MIB * 4) / 3);
      return place(vm, heap, bytes, vm.random.chance(huge), HUGE);
    };
    const textures: Resource[] = [];
    for (let i = 0; i < values.number('textures'); i++) {
      textures.push(texture());
      vm.bind([mapWhole(textures[i])]);
      yield;
    }
    for (let i = 0; i < values.number('meshes'); i++) {
      vm.bind([mapWhole(place(vm, heap, vm.random.spread(...MESH_PAGES) * PAGE, false, MESH_ALIGN))]);
      yield;
    }
    const frames = values.number('frames');
    const swaps = values.number('swaps');
    for (let frame = 0; frame < frames; frame++) {
      const ops: BindOp[] = [];
      const gone: Bo[] = [];
      for (let i = 0; i < swaps; i++) {
        const at = vm.random.below(textures.length);
        const { iova, bo } = textures[at];
        ops.push(unmap(iova, bo.size));
        heap.free(iova, bo.size);
        gone.push(bo);
        textures[at] = texture();
        ops.push(mapWhole(textures[at]));
      }
      vm.bind(ops);
      for (const bo of gone) vm.giveUp(bo);
      yield;
    }
  },
};

/** A new resource of at least `bytes`; a huge one is rounded up to whole 2M pages, as drivers do to get blocks. */
function place(vm: Session, heap: VaHeap, bytes: number, huge: boolean, align: number): Resource {
  const pages = Math.ceil(bytes / PAGE);
  const backing = huge
    ? contiguous(vm.memory, Math.ceil(pages / PAGES_PER_HUGE) * PAGES_PER_HUGE)
    : scattered(vm.memory, vm.random, pages, LARGEST_RUN);
  const bo = vm.declare(backing);
  return { bo, iova: heap.allocate(bo.size, align) };
}

function mapWhole({ iova, bo }: Resource): BindOp {
  return map(iova, bo.size, bo);
}
