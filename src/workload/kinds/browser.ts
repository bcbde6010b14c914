import { scattered } from '../memory/backing.ts';
import { PAGE } from '../memory/physical-memory.ts';
import { VaHeap } from '../memory/va-heap.ts';
import { type Bo, map, unmap } from '../session.ts';
import { count, MOST_STEPS, percent, submission, type WorkloadKind } from '../workload.ts';

/** The newest so many objects are those that die young. */
const YOUNG = 16;
/** Orders of the runs behind them: up to 64 KiB. */
const LARGEST_RUN = 4;

export const BROWSER: WorkloadKind = {
  name: 'browser',
  help: 'very many small objects of short life, mapped one by one at the lowest free VA, so that VAs come back quickly',
  feeds: 'tables that stay behind empty or are freed and made again; the cost of a reservation for every small bind',
  parameters: [
    count('buffers', 1, 65_536, 160, 'objects that live at most'),
    count('size', 4, 4096, 256, 'KiB of the largest; the smallest has 4K'),
    percent('young', 75, '% of the deaths that meet one of the newest 16'),
    count('jobs', 1, MOST_STEPS, 10_000, 'binds, of one map or unmap each'),
    ...submission('sync', 4),
  ],
  *play(vm, values) {
    const { random } = vm;
    const heap = new VaHeap();
    const most = values.number('buffers');
    const largest = Math.floor((values.number('size') * 1024) / PAGE);
    const young = values.number('young');
    const live: { readonly iova: number; readonly bo: Bo }[] = [];
    const jobs = values.number('jobs');
    for (let job = 0; job < jobs; job++) {
      // A little more births than deaths, so that the number of objects rises to its limit.
      if (live.length === 0 || (live.length < most && random.chance(55))) {
        const bo = vm.declare(scattered(vm.memory, random, random.spread(1, largest), LARGEST_RUN));
        const iova = heap.allocate(bo.size, PAGE);
        live.push({ iova, bo });
        vm.bind([map(iova, bo.size, bo)]);
      } else {
        const among = random.chance(young) ? Math.min(YOUNG, live.length) : live.length;
        const [{ iova, bo }] = live.splice(live.length - 1 - random.below(among), 1);
        vm.bind([unmap(iova, bo.size)]);
        heap.free(iova, bo.size);
        vm.giveUp(bo);
      }
      yield;
    }
  },
};
