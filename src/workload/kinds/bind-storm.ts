import type { BindOp } from '../../trace/events.ts';
import { contiguous, scattered } from '../memory/backing.ts';
import { HUGE, PAGE } from '../memory/physical-memory.ts';
import { VA_START } from '../memory/va-heap.ts';
import { type Bo, map, type Session, unmap } from '../session.ts';
import { count, MOST_STEPS, percent, submission, type WorkloadKind, word } from '../workload.ts';

const LARGEST_RUN = 8;

export const BIND_STORM: WorkloadKind = {
  name: 'bind-storm',
  help: 'queued jobs of k maps of 4K; when all windows are full, each job first unmaps the oldest window map by map',
  feeds: 'reservations as if the tree were empty: 512 maps reserve 1,536 pages to use 3, times the depth of the queue',
  parameters: [
    count('jobs', 1, MOST_STEPS, 600, 'jobs that map; one that unmaps comes before each once the windows are full'),
    count('ops', 1, 4096, 512, 'maps per bind'),
    count('stride', 4, 2048, 4, 'KiB from one map to the next, rounded up to 4K'),
    word('order', ['ascending', 'descending', 'shuffled'], 'ascending', 'order of the maps in a bind'),
    count('windows', 1, 32, 32, 'VA ranges that are filled in turn'),
    percent('huge', 0, '% of the objects that are physically contiguous'),
    ...submission('async', 64),
  ],
  *play(vm, values) {
    const ops = values.number('ops');
    const stride = Math.ceil((values.number('stride') * 1024) / PAGE) * PAGE;
    const span = Math.ceil((ops * stride) / HUGE) * HUGE;
    const windows = values.number('windows');
    const order = values.word('order');
    const objects: Bo[] = [];
    const jobs = values.number('jobs');
    for (let job = 0; job < jobs; job++) {
      const window = job % windows;
      const base = VA_START + window * span;
      if (job < windows) objects.push(declare(vm, ops, values.number('huge')));
      else vm.bind(sequence(vm, ops, order).map((i) => unmap(base + i * stride, PAGE)));
      const bo = objects[window];
      vm.bind(sequence(vm, ops, order).map((i): BindOp => map(base + i * stride, PAGE, bo, i * PAGE)));
      yield;
    }
  },
};

function declare(vm: Session, pages: number, huge: number): Bo {
  return vm.declare(
    vm.random.chance(huge) ? contiguous(vm.memory, pages) : scattered(vm.memory, vm.random, pages, LARGEST_RUN),
  );
}

/** 0 to n - 1 in the order asked for. */
function sequence(vm: Session, n: number, order: string): number[] {
  const numbers = Array.from({ length: n }, (_, i) => (order === 'descending' ? n - 1 - i : i));
  if (order === 'shuffled') vm.random.shuffle(numbers);
  return numbers;
}
