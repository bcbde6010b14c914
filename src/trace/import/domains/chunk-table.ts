const FIRST_CHUNKS = 64;
const NO_KEY = -1;

/** Groups of words by a chunk's number, below 2^44: an open-addressed hash whose emptied chunks are used again. */
export class ChunkTable {
  /** The words of all chunks; those of one lie side by side. May be replaced when a chunk is made. */
  words: Int32Array;
  readonly #size: number;
  #keys = new Float64Array(FIRST_CHUNKS * 2).fill(NO_KEY);
  #bases = new Int32Array(FIRST_CHUNKS * 2);
  #count = 0;
  #used = 0;
  readonly #free: number[] = [];
  /** The chunk found last: neighbouring requests mostly lie in the same. */
  #lastKey = NO_KEY;
  #lastBase = -1;

  /** @param size - words of a chunk */
  constructor(size: number) {
    this.#size = size;
    this.words = new Int32Array(FIRST_CHUNKS * size);
  }

  /** Where the words of a chunk begin, -1 when there is none. */
  find(chunk: number): number {
    if (chunk === this.#lastKey) return this.#lastBase;
    const keys = this.#keys;
    const mask = keys.length - 1;
    for (let i = hash(chunk) & mask; keys[i] !== NO_KEY; i = (i + 1) & mask) {
      if (keys[i] !== chunk) continue;
      this.#lastKey = chunk;
      this.#lastBase = this.#bases[i];
      return this.#lastBase;
    }
    return -1;
  }

  /** Where its words begin; they are made, all 0, when there are none. */
  make(chunk: number): number {
    const known = this.find(chunk);
    if (known >= 0) return known;
    if ((this.#count + 1) * 2 > this.#keys.length) this.#grow();
    const base = this.#free.pop() ?? this.#append();
    this.#insert(chunk, base);
    this.#count++;
    this.#lastKey = chunk;
    this.#lastBase = base;
    return base;
  }

  /** Forgets a chunk whose words are 0. */
  drop(chunk: number): void {
    const keys = this.#keys;
    const mask = keys.length - 1;
    let hole = hash(chunk) & mask;
    while (keys[hole] !== chunk) {
      if (keys[hole] === NO_KEY) return;
      hole = (hole + 1) & mask;
    }
    this.#free.push(this.#bases[hole]);
    this.#count--;
    this.#lastKey = NO_KEY;
    // What was placed behind it because it stood in the way moves up.
    for (let i = (hole + 1) & mask; keys[i] !== NO_KEY; i = (i + 1) & mask) {
      const home = hash(keys[i]) & mask;
      if (((i - home) & mask) < ((i - hole) & mask)) continue;
      keys[hole] = keys[i];
      this.#bases[hole] = this.#bases[i];
      hole = i;
    }
    keys[hole] = NO_KEY;
  }

  /** The chunks above `after` and below `before`, rising. */
  between(after: number, before: number): number[] {
    const found: number[] = [];
    for (const key of this.#keys) if (key !== NO_KEY && key > after && key < before) found.push(key);
    return found.sort((a, b) => a - b);
  }

  #append(): number {
    const base = this.#used;
    this.#used += this.#size;
    if (this.#used > this.words.length) {
      const larger = new Int32Array(this.words.length * 2);
      larger.set(this.words);
      this.words = larger;
    }
    return base;
  }

  #insert(chunk: number, base: number): void {
    const keys = this.#keys;
    const mask = keys.length - 1;
    let i = hash(chunk) & mask;
    while (keys[i] !== NO_KEY) i = (i + 1) & mask;
    keys[i] = chunk;
    this.#bases[i] = base;
  }

  #grow(): void {
    const keys = this.#keys;
    const bases = this.#bases;
    this.#keys = new Float64Array(keys.length * 2).fill(NO_KEY);
    this.#bases = new Int32Array(keys.length * 2);
    for (let i = 0; i < keys.length; i++) if (keys[i] !== NO_KEY) this.#insert(keys[i], bases[i]);
  }
}

function hash(chunk: number): number {
  const mixed = Math.imul((chunk >>> 0) ^ Math.floor(chunk / 4294967296), 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
