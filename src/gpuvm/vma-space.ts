/** No object behind a VMA: sparse or null mappings. */
export const NO_OBJECT = -1;

/** VMAs of a full chunk. */
const CHUNK = 32;

/** Hears of VMAs: [start, end) is one from now on, or none any more. */
export interface VmaWatcher {
  store(start: number, end: number): void;
  erase(start: number, end: number): void;
}

/**
 * The VMAs of one GPU address space, which never overlap, in the order of their addresses (drm_gpuvm.c keeps an interval
 * tree). Addresses and sizes are doubles: multiples of a page below 2^64 are exact. A VMA is a number, an index into
 * columns, and is used again once removed.
 */
export class VmaSpace {
  /** By VMA: first address, end, object (NO_OBJECT: none), offset in it, and the driver's flags. */
  start = new Float64Array(64);
  end = new Float64Array(64);
  object = new Int32Array(64);
  offset = new Float64Array(64);
  flags = new Int32Array(64);
  /** By VMA: how many were added before it, the order in which an object lists its own. */
  serial = new Float64Array(64);
  /** Hears of every VMA that comes or goes, such as another structure that could hold them. */
  watcher: VmaWatcher | null = null;
  size = 0;
  readonly #free: number[] = [];
  #used = 0;
  #added = 0;
  /**
   * Ascending addresses in chunks, so that an insertion moves little however many there are. Chunk c has room for CHUNK
   * VMAs from c * CHUNK on; their first addresses lie beside them, so that a search touches little memory.
   */
  #keys = new Float64Array(CHUNK);
  #vmas = new Int32Array(CHUNK);
  #fill = new Uint8Array(1);
  readonly #freeChunks: number[] = [];
  /** The chunks by address, and the first address of each; there is always one, and only a lone one may be empty. */
  #order = new Int32Array(1);
  #lowest = new Float64Array(1);
  #chunks = 1;
  /** Where the last search ended: the next one is often near. */
  #near = 0;

  /** Adds a VMA where there is none. */
  add(start: number, end: number, object: number, offset: number, flags: number): number {
    const vma = this.#free.pop() ?? this.#used++;
    if (vma === this.start.length) this.#growColumns();
    this.start[vma] = start;
    this.end[vma] = end;
    this.object[vma] = object;
    this.offset[vma] = offset;
    this.flags[vma] = flags;
    this.serial[vma] = this.#added++;
    this.#insert(start, vma);
    this.size++;
    if (this.watcher !== null) this.watcher.store(start, end);
    return vma;
  }

  remove(vma: number): void {
    const start = this.start[vma];
    if (this.watcher !== null) this.watcher.erase(start, this.end[vma]);
    const at = this.#chunkOf(start);
    const chunk = this.#order[at];
    const base = chunk * CHUNK;
    const keys = this.#keys;
    const vmas = this.#vmas;
    const last = base + --this.#fill[chunk];
    for (let place = this.#placeIn(chunk, start); place < last; place++) {
      keys[place] = keys[place + 1];
      vmas[place] = vmas[place + 1];
    }
    if (last > base) this.#lowest[at] = keys[base];
    else if (this.#chunks > 1) this.#dropChunk(at);
    this.#free.push(vma);
    this.size--;
  }

  /**
   * Takes [holeStart, holeEnd) out of a VMA: what lies before and behind it stays, as VMAs of their own with the same flags
   * (drm_gpuvm.c:drm_gpuva_remap). How many they are.
   */
  cut(vma: number, holeStart: number, holeEnd: number): number {
    const start = this.start[vma];
    const end = this.end[vma];
    const object = this.object[vma];
    const offset = this.offset[vma];
    const flags = this.flags[vma];
    this.remove(vma);
    let parts = 0;
    if (start < holeStart) {
      this.add(start, holeStart, object, offset, flags);
      parts++;
    }
    if (holeEnd < end) {
      this.add(holeEnd, end, object, offset + holeEnd - start, flags);
      parts++;
    }
    return parts;
  }

  /** The VMAs that have a byte of [start, end), by ascending address, in `found`; their number. */
  overlapping(start: number, end: number, found: number[]): number {
    const count = this.collect(start, end, found);
    found.length = count;
    return count;
  }

  /** As `overlapping`, but leaves what `found` holds behind them: a list that is used again keeps its memory. */
  collect(start: number, end: number, found: number[]): number {
    const vmas = this.#vmas;
    let count = 0;
    let at = this.#chunkOf(start);
    let base = this.#order[at] * CHUNK;
    let last = base + this.#fill[this.#order[at]];
    let place = this.#placeIn(this.#order[at], start);
    // The one before may reach into the range; a chunk that begins in it has none before.
    if (place > base) place--;
    for (;;) {
      if (place === last) {
        if (++at === this.#chunks) return count;
        base = this.#order[at] * CHUNK;
        last = base + this.#fill[this.#order[at]];
        place = base;
      }
      if (this.#keys[place] >= end) return count;
      const vma = vmas[place++];
      if (this.end[vma] > start) found[count++] = vma;
    }
  }

  /** Every VMA by ascending address. */
  *[Symbol.iterator](): IterableIterator<number> {
    for (let at = 0; at < this.#chunks; at++) {
      const chunk = this.#order[at];
      for (let place = 0; place < this.#fill[chunk]; place++) yield this.#vmas[chunk * CHUNK + place];
    }
  }

  #insert(start: number, vma: number): void {
    let at = this.#chunkOf(start);
    let chunk = this.#order[at];
    let place = this.#placeIn(chunk, start);
    if (this.#fill[chunk] === CHUNK) {
      const ascending = place === chunk * CHUNK + CHUNK && at + 1 === this.#chunks;
      const cut = this.#splitChunk(at, ascending);
      if (place - chunk * CHUNK >= cut) {
        place -= chunk * CHUNK + cut;
        chunk = this.#order[++at];
        place += chunk * CHUNK;
      }
    }
    const keys = this.#keys;
    const vmas = this.#vmas;
    for (let to = chunk * CHUNK + this.#fill[chunk]++; to > place; to--) {
      keys[to] = keys[to - 1];
      vmas[to] = vmas[to - 1];
    }
    keys[place] = start;
    vmas[place] = vma;
    if (place === chunk * CHUNK) this.#lowest[at] = start;
  }

  /** The last chunk that begins at or below an address, or the first one: its place in the order. */
  #chunkOf(address: number): number {
    const lowest = this.#lowest;
    const near = this.#near;
    if ((near === 0 || lowest[near] <= address) && (near + 1 === this.#chunks || address < lowest[near + 1]))
      return near;
    let low = 0;
    let high = this.#chunks - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (lowest[middle] <= address) low = middle;
      else high = middle - 1;
    }
    this.#near = low;
    return low;
  }

  /** The place of the first VMA of a chunk that starts at or above an address. */
  #placeIn(chunk: number, address: number): number {
    const keys = this.#keys;
    let low = chunk * CHUNK;
    let high = low + this.#fill[chunk];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (keys[middle] < address) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Cuts a full chunk in two: in the middle, or behind all when VMAs come in ascending order. How many stay. */
  #splitChunk(at: number, ascending: boolean): number {
    const chunk = this.#order[at];
    const cut = ascending ? CHUNK : CHUNK / 2;
    const fresh = this.#freeChunks.pop() ?? this.#chunks;
    if (fresh === this.#fill.length) this.#growChunks();
    const from = chunk * CHUNK;
    this.#keys.copyWithin(fresh * CHUNK, from + cut, from + CHUNK);
    this.#vmas.copyWithin(fresh * CHUNK, from + cut, from + CHUNK);
    this.#fill[chunk] = cut;
    this.#fill[fresh] = CHUNK - cut;
    this.#order.copyWithin(at + 2, at + 1, this.#chunks);
    this.#lowest.copyWithin(at + 2, at + 1, this.#chunks);
    this.#order[at + 1] = fresh;
    this.#lowest[at + 1] = this.#keys[fresh * CHUNK];
    this.#chunks++;
    return cut;
  }

  #dropChunk(at: number): void {
    this.#freeChunks.push(this.#order[at]);
    this.#order.copyWithin(at, at + 1, this.#chunks);
    this.#lowest.copyWithin(at, at + 1, this.#chunks);
    this.#chunks--;
    this.#near = 0;
  }

  #growChunks(): void {
    const chunks = this.#fill.length * 2;
    this.#keys = copied(new Float64Array(chunks * CHUNK), this.#keys);
    this.#vmas = copied(new Int32Array(chunks * CHUNK), this.#vmas);
    this.#fill = copied(new Uint8Array(chunks), this.#fill);
    this.#order = copied(new Int32Array(chunks), this.#order);
    this.#lowest = copied(new Float64Array(chunks), this.#lowest);
  }

  #growColumns(): void {
    const length = this.start.length * 2;
    this.start = copied(new Float64Array(length), this.start);
    this.end = copied(new Float64Array(length), this.end);
    this.object = copied(new Int32Array(length), this.object);
    this.offset = copied(new Float64Array(length), this.offset);
    this.flags = copied(new Int32Array(length), this.flags);
    this.serial = copied(new Float64Array(length), this.serial);
  }
}

/** The wider of two columns, with what the narrower one held. */
function copied<Column extends Float64Array | Int32Array | Uint8Array>(wider: Column, column: Column): Column {
  wider.set(column);
  return wider;
}
