/** What operations do, by their number. */
export const OP_KINDS = [
  'map',
  'unmap',
  'reserve',
  'unreserve',
  'release',
  'domain',
  'destroy',
  'attach',
  'iova_to_phys',
  'walk',
  'read_dirty',
  'set_dirty',
  'rcu_read',
  'repeat',
] as const;
export type OpKindName = (typeof OP_KINDS)[number];

export const KIND_MAP = 0;
export const KIND_UNMAP = 1;
export const KIND_RESERVE = 2;
export const KIND_UNRESERVE = 3;
export const KIND_RELEASE = 4;
export const KIND_DOMAIN = 5;
export const KIND_DESTROY = 6;
export const KIND_ATTACH = 7;
export const KIND_LOOK_UP = 8;
export const KIND_WALK = 9;
export const KIND_READ_DIRTY = 10;
export const KIND_SET_DIRTY = 11;
export const KIND_RCU_READ = 12;
/** A map of one run over and over, by name: what it does is that of a map. */
const NAMED_REPEAT = 13;

/** Whether it is about a whole address space. */
export function isAboutAll(kind: number): boolean {
  return kind === KIND_DOMAIN || kind === KIND_DESTROY || kind === KIND_ATTACH;
}

/** Sides of the locking regime. Hardware (`set_dirty`) asks for no lock. */
export const SIDE_WRITER = 0;
export const SIDE_LOOK_UP = 1;
export const SIDE_CLEAR = 2;
export const SIDE_READER = 3;
export const SIDES = 4;
export const SIDE_NONE = -1;

/** "None named" in the columns of threads and queues. */
export const NOBODY = -1;

/** When what an unmap removed is invalidated. */
export const FLUSHED = 0;
/** By the flush queue, some time. */
export const FLUSH_QUEUED = 1;
/** By the caller, who gave no gather: nobody sees it. */
export const FLUSH_UNSEEN = 2;

const FIRST = 1024;

/**
 * Operations as columns: numbers only, a place is used again once nobody holds it. An interval of pages is [page, pageEnd)
 * in units of 4K; times are nanoseconds, NaN where they are not known.
 */
export class OpStore {
  seq = new Float64Array(FIRST);
  line = new Float64Array(FIRST);
  begin = new Float64Array(FIRST);
  end = new Float64Array(FIRST);
  /** What it touches. */
  page = new Float64Array(FIRST);
  pageEnd = new Float64Array(FIRST);
  /** What was asked for. */
  size = new Float64Array(FIRST);
  iovaHi = new Uint32Array(FIRST);
  iovaLo = new Uint32Array(FIRST);
  thread = new Int32Array(FIRST);
  queue = new Int32Array(FIRST);
  domain = new Int32Array(FIRST);
  kind = new Uint8Array(FIRST);
  /** A map that repeats one physical run. */
  repeats = new Uint8Array(FIRST);
  /** A look at dirty state that clears it. */
  clears = new Uint8Array(FIRST);
  /** Of an unmap: one of FLUSHED, FLUSH_QUEUED, FLUSH_UNSEEN, and how many flushes there had been. */
  flush = new Uint8Array(FIRST);
  flushes = new Float64Array(FIRST);
  /** Tables on the way to the first and the last page: see InstallRaces. */
  tables = new Int32Array(FIRST);
  #holders = new Int32Array(FIRST);
  readonly #free: number[] = [];
  #used = 0;

  /** A new place, held once. */
  add(): number {
    const op = this.#free.pop() ?? this.#used++;
    if (op === this.seq.length) this.#grow();
    this.#holders[op] = 1;
    this.repeats[op] = 0;
    this.clears[op] = 0;
    this.flush[op] = FLUSHED;
    this.tables[op] = 0;
    return op;
  }

  hold(op: number): void {
    this.#holders[op]++;
  }

  /** One holder less; the place is free after the last. */
  drop(op: number): void {
    if (--this.#holders[op] === 0) this.#free.push(op);
  }

  /** Places in use. */
  get inUse(): number {
    return this.#used - this.#free.length;
  }

  /** Its name, as one of OP_KINDS. */
  named(op: number): number {
    return this.repeats[op] === 1 ? NAMED_REPEAT : this.kind[op];
  }

  /** Which side of the locking regime it is on. */
  side(op: number): number {
    const kind = this.kind[op];
    if (kind <= KIND_ATTACH) return SIDE_WRITER;
    if (kind === KIND_LOOK_UP) return SIDE_LOOK_UP;
    if (kind === KIND_SET_DIRTY) return SIDE_NONE;
    return this.clears[op] === 1 ? SIDE_CLEAR : SIDE_READER;
  }

  #grow(): void {
    const length = this.seq.length * 2;
    const floats = (old: Float64Array): Float64Array<ArrayBuffer> => {
      const next = new Float64Array(length);
      next.set(old);
      return next;
    };
    const ints = (old: Int32Array): Int32Array<ArrayBuffer> => {
      const next = new Int32Array(length);
      next.set(old);
      return next;
    };
    const halves = (old: Uint32Array): Uint32Array<ArrayBuffer> => {
      const next = new Uint32Array(length);
      next.set(old);
      return next;
    };
    const bytes = (old: Uint8Array): Uint8Array<ArrayBuffer> => {
      const next = new Uint8Array(length);
      next.set(old);
      return next;
    };
    this.seq = floats(this.seq);
    this.line = floats(this.line);
    this.begin = floats(this.begin);
    this.end = floats(this.end);
    this.page = floats(this.page);
    this.pageEnd = floats(this.pageEnd);
    this.size = floats(this.size);
    this.flushes = floats(this.flushes);
    this.iovaHi = halves(this.iovaHi);
    this.iovaLo = halves(this.iovaLo);
    this.thread = ints(this.thread);
    this.queue = ints(this.queue);
    this.domain = ints(this.domain);
    this.tables = ints(this.tables);
    this.#holders = ints(this.#holders);
    this.kind = bytes(this.kind);
    this.repeats = bytes(this.repeats);
    this.clears = bytes(this.clears);
    this.flush = bytes(this.flush);
  }
}
