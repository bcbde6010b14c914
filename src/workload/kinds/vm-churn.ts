import type { BindOp } from '../../trace/events.ts';
import { contiguous, scattered } from '../memory/backing.ts';
import { PAGE, PAGES_PER_HUGE } from '../memory/physical-memory.ts';
import { VA_START } from '../memory/va-heap.ts';
import type { Random } from '../random.ts';
import { type Bo, map, type Session, unmap } from '../session.ts';
import { count, MOST_STEPS, percent, submission, type Values, type WorkloadKind } from '../workload.ts';

/** Orders of the runs behind objects that are not huge: below 2M, so that none of them can become a block. */
const LARGEST_RUN = 8;
/** Requests whose borders later ones may share: what makes equal ends, equal ranges and continued objects likely. */
const REMEMBERED = 64;
const PAGES_PER_MIB = 256;
const PAGES_PER_KIB_4 = 4;

export const VM_CHURN: WorkloadKind = {
  name: 'vm-churn',
  help: 'random maps over what is mapped and unmaps in the middle of it: every way in which a request splits a VMA',
  feeds: 'remaps, split blocks, tables reserved for edges (pvr refuses unmaps that do not name a mapped range)',
  parameters: [
    count('jobs', 1, MOST_STEPS, 5000, 'binds'),
    count('ops', 1, 4096, 1, 'operations per bind'),
    count('range', 1, 65_536, 256, 'MiB of VA in which all of it happens'),
    count('size', 4, 65_536, 8192, 'KiB of the largest request; the smallest has 4K'),
    percent('unmaps', 40, '% of the operations that unmap'),
    count('buffers', 1, 1024, 16, 'objects, as large as the largest request'),
    percent('huge', 50, '% of them that are backed by 2M pages'),
    ...submission('sync', 4),
  ],
  refuses(values) {
    return values.number('size') > values.number('range') * 1024
      ? `vm-churn,size=${values.number('size')} (KiB) does not fit into range=${values.number('range')} (MiB)`
      : null;
  },
  *play(vm, values) {
    const objects: Bo[] = [];
    const pages = Math.ceil(largestOf(values) / PAGES_PER_HUGE) * PAGES_PER_HUGE;
    const huge = values.number('huge');
    for (let i = 0; i < values.number('buffers'); i++) {
      const backing = vm.random.chance(huge)
        ? contiguous(vm.memory, pages)
        : scattered(vm.memory, vm.random, pages, LARGEST_RUN);
      objects.push(vm.declare(backing));
      yield;
    }
    const churn = new Churn(vm, objects, values);
    const jobs = values.number('jobs');
    const ops = values.number('ops');
    for (let job = 0; job < jobs; job++) {
      vm.bind(Array.from({ length: ops }, () => churn.next()));
      yield;
    }
  },
};

/** Pages of the largest request. */
function largestOf(values: Values): number {
  return Math.floor(values.number('size') / PAGES_PER_KIB_4);
}

/** A map that was asked for, in pages from the start of the range. */
interface Request {
  readonly start: number;
  readonly end: number;
  readonly bo: Bo;
  readonly offset: number;
}

/** Draws requests that meet earlier ones in every way. */
class Churn {
  readonly #random: Random;
  readonly #objects: readonly Bo[];
  readonly #range: number;
  readonly #largest: number;
  readonly #unmaps: number;
  readonly #recent: Request[] = [];
  #oldest = 0;

  constructor(vm: Session, objects: readonly Bo[], values: Values) {
    this.#random = vm.random;
    this.#objects = objects;
    this.#range = values.number('range') * PAGES_PER_MIB;
    this.#largest = largestOf(values);
    this.#unmaps = values.number('unmaps');
  }

  next(): BindOp {
    const random = this.#random;
    const unmaps = random.chance(this.#unmaps);
    const start = this.#start();
    const end = this.#end(start);
    if (unmaps) return unmap(address(start), (end - start) * PAGE);
    const again = this.#recent.length > 0 && random.chance(5) ? random.pick(this.#recent) : null;
    const request = again ?? this.#continuing(start, end) ?? this.#fresh(start, end);
    this.#remember(request);
    return map(address(request.start), (request.end - request.start) * PAGE, request.bo, request.offset * PAGE);
  }

  /** A border of an earlier request, the start of a 2M slot, or any page. */
  #start(): number {
    const random = this.#random;
    const way = random.below(4);
    if (way < 2 && this.#recent.length > 0) {
      const border = this.#border();
      if (border < this.#range) return border;
    }
    const page = random.below(this.#range);
    return way === 2 ? page - (page % PAGES_PER_HUGE) : page;
  }

  /** A border of an earlier request, the end of a 2M slot, or any number of pages later; within the range. */
  #end(start: number): number {
    const random = this.#random;
    const way = random.below(4);
    const most = Math.min(this.#range, start + this.#largest);
    if (way < 2 && this.#recent.length > 0) {
      const border = this.#border();
      if (border > start && border <= most) return border;
    }
    const end = Math.min(most, start + random.spread(1, this.#largest));
    const slotEnd = Math.ceil(end / PAGES_PER_HUGE) * PAGES_PER_HUGE;
    return way === 2 && slotEnd <= most ? slotEnd : end;
  }

  #border(): number {
    const { start, end } = this.#random.pick(this.#recent);
    return this.#random.chance(50) ? start : end;
  }

  /** The object that an earlier request maps there, at the offset that goes with it: what GPUVM's `keep` is for. */
  #continuing(start: number, end: number): Request | null {
    if (this.#recent.length === 0 || !this.#random.chance(20)) return null;
    const { bo, start: from, offset: at } = this.#random.pick(this.#recent);
    const offset = at + start - from;
    return offset >= 0 && (offset + end - start) * PAGE <= bo.size ? { start, end, bo, offset } : null;
  }

  /** Any object, half of the time at an offset that is congruent to the VA modulo 2M, so that blocks are possible. */
  #fresh(start: number, end: number): Request {
    const random = this.#random;
    const bo = random.pick(this.#objects);
    const room = bo.size / PAGE - (end - start);
    const rest = start % PAGES_PER_HUGE;
    if (random.chance(50) && rest <= room) {
      const offset = rest + random.below(Math.floor((room - rest) / PAGES_PER_HUGE) + 1) * PAGES_PER_HUGE;
      return { start, end, bo, offset };
    }
    return { start, end, bo, offset: random.below(room + 1) };
  }

  #remember(request: Request): void {
    if (this.#recent.length < REMEMBERED) this.#recent.push(request);
    else {
      this.#recent[this.#oldest] = request;
      this.#oldest = (this.#oldest + 1) % REMEMBERED;
    }
  }
}

function address(page: number): number {
  return VA_START + page * PAGE;
}
