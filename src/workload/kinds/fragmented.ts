import { scattered } from '../memory/backing.ts';
import { HUGE, PAGE } from '../memory/physical-memory.ts';
import { VaHeap } from '../memory/va-heap.ts';
import { type Bo, map, type Session, unmap } from '../session.ts';
import { count, MOST_STEPS, percent, submission, type Values, type WorkloadKind } from '../workload.ts';

const MIB = 2 ** 20;
const UNMAPPED = -1;

export const FRAGMENTED: WorkloadKind = {
  name: 'fragmented',
  help: 'large objects backed by runs of pages from 4K to 2M, as on a machine whose memory is in pieces',
  feeds: 'map calls per object, and what huge folios would save of calls, tables and TLB entries',
  parameters: [
    count('buffers', 1, 256, 64, 'objects'),
    count('size', 2, 1024, 8, 'MiB of each, rounded up to 2M'),
    percent('huge', 30, '% of their 2M pieces that are huge folios'),
    count('run', 4, 1024, 64, 'KiB of the longest run in the other pieces'),
    percent('fresh', 5, '% of the unmapped objects that are replaced by others'),
    count('jobs', 1, MOST_STEPS, 3000, 'binds, of one map or unmap each'),
    ...submission('sync', 4),
  ],
  *play(vm, values) {
    const { random } = vm;
    const heap = new VaHeap();
    const fresh = values.number('fresh');
    const objects: { bo: Bo; iova: number }[] = [];
    for (let i = 0; i < values.number('buffers'); i++) {
      objects.push({ bo: declare(vm, values), iova: UNMAPPED });
      yield;
    }
    const jobs = values.number('jobs');
    for (let job = 0; job < jobs; job++) {
      const object = random.pick(objects);
      const { bo, iova } = object;
      if (iova === UNMAPPED) {
        object.iova = heap.allocate(bo.size, HUGE);
        vm.bind([map(object.iova, bo.size, bo)]);
      } else {
        vm.bind([unmap(iova, bo.size)]);
        heap.free(iova, bo.size);
        object.iova = UNMAPPED;
        if (random.chance(fresh)) {
          vm.giveUp(bo);
          object.bo = declare(vm, values);
        }
      }
      yield;
    }
  },
};

function declare(vm: Session, values: Values): Bo {
  const pages = (Math.ceil((values.number('size') * MIB) / HUGE) * HUGE) / PAGE;
  const longest = 31 - Math.clz32((values.number('run') * 1024) / PAGE);
  return vm.declare(scattered(vm.memory, vm.random, pages, longest, values.number('huge')));
}
