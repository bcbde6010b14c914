import type { BindOp } from '../../trace/events.ts';
import { contiguous, scattered } from '../memory/backing.ts';
import { HUGE, PAGE } from '../memory/physical-memory.ts';
import { VA_START } from '../memory/va-heap.ts';
import { type Bo, map, mapNull, type Session, unmap } from '../session.ts';
import { count, MOST_STEPS, percent, submission, type Values, type WorkloadKind } from '../workload.ts';

/** The standard sparse block of Vulkan: what residency is decided for. */
const TILE = 64 * 1024;
const MIB = 2 ** 20;
const NOT_RESIDENT = -1;
/** Orders of the runs that back what is not huge: up to 1 MiB. */
const LARGEST_RUN = 8;

export const SPARSE_TEXTURES: WorkloadKind = {
  name: 'sparse-textures',
  help: 'Vulkan sparse binding: large reserved ranges, residency of 64K tiles changed unsorted, many in one ioctl',
  feeds: 'merging of neighbouring maps in a reservation (msm), its throttle, and 3 pages reserved for each small map',
  parameters: [
    count('textures', 1, 1024, 64, 'sparse textures'),
    count('size', 1, 256, 16, 'MiB of each'),
    count('resident', 1, 100, 25, '% of the tiles that memory holds at once'),
    count('heap', 2, 1024, 16, 'MiB of each buffer object that tiles lie in, rounded up to 2M'),
    percent('huge', 100, '% of these objects that are backed by 2M pages'),
    count('jobs', 1, MOST_STEPS, 2000, 'residency updates, one bind each'),
    count('ops', 1, 4096, 32, 'tiles per bind'),
    ...submission('async', 16),
  ],
  *play(vm, values) {
    const tiles = new Tiles(values);
    if (vm.nullMaps) {
      for (let texture = 0; texture < tiles.textures; texture++) {
        vm.bind([mapNull(tiles.base(texture), values.number('size') * MIB)]);
        yield;
      }
    }
    yield* tiles.back(vm, values);
    const jobs = values.number('jobs');
    const ops = values.number('ops');
    for (let job = 0; job < jobs; job++) {
      vm.bind(tiles.update(vm, ops));
      yield;
    }
  },
};

/** Which tile of which texture lies where in the heaps. */
class Tiles {
  readonly textures: number;
  readonly #perTexture: number;
  readonly #stride: number;
  /** By tile, counted over all textures: its place in the heaps. */
  readonly #placeOf: Int32Array;
  /** By place: its tile. */
  readonly #tileAt: Int32Array;
  readonly #heaps: Bo[] = [];
  readonly #heapBytes: number;
  #used = 0;
  /** The place to be emptied next: the one that was filled longest ago, about. */
  #hand = 0;
  readonly #freePlaces: number[] = [];

  constructor(values: Values) {
    this.textures = values.number('textures');
    const size = values.number('size') * MIB;
    this.#perTexture = size / TILE;
    this.#stride = Math.ceil(size / HUGE) * HUGE;
    const tiles = this.textures * this.#perTexture;
    this.#placeOf = new Int32Array(tiles).fill(NOT_RESIDENT);
    this.#tileAt = new Int32Array(Math.max(1, Math.floor((tiles * values.number('resident')) / 100))).fill(
      NOT_RESIDENT,
    );
    this.#heapBytes = Math.ceil((values.number('heap') * MIB) / HUGE) * HUGE;
  }

  base(texture: number): number {
    return VA_START + texture * this.#stride;
  }

  /** Declares the heaps. */
  *back(vm: Session, values: Values): Generator<void> {
    const pages = this.#heapBytes / PAGE;
    const huge = values.number('huge');
    for (let bytes = this.#tileAt.length * TILE; bytes > 0; bytes -= this.#heapBytes) {
      const backing = vm.random.chance(huge)
        ? contiguous(vm.memory, pages)
        : scattered(vm.memory, vm.random, pages, LARGEST_RUN);
      this.#heaps.push(vm.declare(backing));
      yield;
    }
  }

  /** One update of up to `most` tiles: those of one texture that are wanted come, others go where memory is full. */
  update(vm: Session, most: number): BindOp[] {
    const { random } = vm;
    const texture = random.below(this.textures);
    const ops: BindOp[] = [];
    while (ops.length < most) {
      const tile = texture * this.#perTexture + random.below(this.#perTexture);
      if (this.#placeOf[tile] !== NOT_RESIDENT) {
        ops.push(this.#evict(vm, tile));
        continue;
      }
      if (this.#full) ops.push(this.#evict(vm, this.#oldest()));
      if (ops.length < most) ops.push(this.#load(tile));
    }
    return ops;
  }

  get #full(): boolean {
    return this.#used === this.#tileAt.length && this.#freePlaces.length === 0;
  }

  #oldest(): number {
    const tile = this.#tileAt[this.#hand];
    this.#hand = (this.#hand + 1) % this.#tileAt.length;
    return tile;
  }

  #evict(vm: Session, tile: number): BindOp {
    const place = this.#placeOf[tile];
    this.#placeOf[tile] = NOT_RESIDENT;
    this.#tileAt[place] = NOT_RESIDENT;
    this.#freePlaces.push(place);
    const iova = this.#iova(tile);
    return vm.nullMaps ? mapNull(iova, TILE) : unmap(iova, TILE);
  }

  #load(tile: number): BindOp {
    const place = this.#freePlaces.pop() ?? this.#used++;
    this.#placeOf[tile] = place;
    this.#tileAt[place] = tile;
    const at = place * TILE;
    const heap = Math.floor(at / this.#heapBytes);
    return map(this.#iova(tile), TILE, this.#heaps[heap], at - heap * this.#heapBytes);
  }

  #iova(tile: number): number {
    const texture = Math.floor(tile / this.#perTexture);
    return this.base(texture) + (tile - texture * this.#perTexture) * TILE;
  }
}
