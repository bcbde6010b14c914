import type { BindOp } from '../../trace/events.ts';
import { contiguous, scattered } from '../memory/backing.ts';
import { HUGE, PAGE } from '../memory/physical-memory.ts';
import { VA_START } from '../memory/va-heap.ts';
import { type Bo, map, unmap } from '../session.ts';
import { count, MOST_STEPS, percent, submission, type WorkloadKind, word } from '../workload.ts';

/** Bytes of an NV12 frame: a plane of luma, and half of it for chroma. */
const FRAME_BYTES: Readonly<Record<string, number>> = {
  '1080p': (1920 * 1080 * 3) / 2,
  '4k': (3840 * 2160 * 3) / 2,
};
const LARGEST_RUN = 8;

export const VIDEO: WorkloadKind = {
  name: 'video',
  help: 'a ring of NV12 frame buffers: each frame unmaps the oldest and maps another at the VA that it leaves',
  feeds: 'unmap and map of the same VAs: tables that could have been kept, flushes that could have been one',
  parameters: [
    count('frames', 1, MOST_STEPS, 3000, 'frames'),
    count('buffers', 1, 1024, 8, 'frame buffers that are mapped; as many more wait for their turn'),
    word('format', Object.keys(FRAME_BYTES), '1080p', 'size of a frame'),
    percent('huge', 50, '% of the buffers that are physically contiguous as far as they fill 2M pages'),
    count('binds', 1, 2, 1, 'binds a frame: 1, unmap and map together, or 2'),
    ...submission('async', 4),
  ],
  *play(vm, values) {
    const pages = Math.ceil(FRAME_BYTES[values.word('format')] / PAGE);
    const stride = Math.ceil((pages * PAGE) / HUGE) * HUGE;
    const slots = values.number('buffers');
    const huge = values.number('huge');
    const pool: Bo[] = [];
    for (let i = 0; i < 2 * slots; i++) {
      const backing = vm.random.chance(huge)
        ? contiguous(vm.memory, pages)
        : scattered(vm.memory, vm.random, pages, LARGEST_RUN);
      pool.push(vm.declare(backing));
      yield;
    }
    const frames = values.number('frames');
    const apart = values.number('binds') === 2;
    for (let frame = 0; frame < frames; frame++) {
      const bo = pool[frame % pool.length];
      const iova = VA_START + (frame % slots) * stride;
      const ops: BindOp[] = [];
      if (frame >= slots) ops.push(unmap(iova, bo.size));
      ops.push(map(iova, bo.size, bo));
      if (apart) for (const op of ops) vm.bind([op]);
      else vm.bind(ops);
      yield;
    }
  },
};
