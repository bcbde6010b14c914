/**
 * What a page table means, without being one: a plain Map from page number to the leaf that begins there, and the set of
 * tables that stand. Addresses are bytes from the start of the address space. Written from the rules of the kernel's
 * io-pgtable-arm, not from the engine.
 */
import {
  EEXIST,
  EINVAL,
  PROT_CACHE,
  PROT_MMIO,
  PROT_NOEXEC,
  PROT_PRIV,
  PROT_READ,
  PROT_WRITE,
} from '../../src/base/vocabulary.ts';
import type { PgtableConfig } from '../../src/lpae/format/config.ts';

export interface ModelLeaf {
  readonly pa: number;
  /** Descriptor bits that are neither address nor type. */
  readonly attributes: bigint;
  /** Bytes that the leaf maps. */
  readonly size: number;
}

/** The shape that the model takes as given; the golden configuration tests check it. */
export interface ModelShape {
  readonly config: PgtableConfig;
  /** Supported page sizes, smallest first. */
  readonly sizes: readonly number[];
  readonly startLevel: number;
  /** Entries of a table, and of the start table. */
  readonly entries: number;
  readonly rootEntries: number;
}

const bit = (n: number): bigint => 1n << BigInt(n);

export class PageMapModel {
  readonly leaves = new Map<number, ModelLeaf>();
  /** Tables below the start table, as `level:first byte`. */
  readonly tables = new Set<string>();
  readonly #shape: ModelShape;
  readonly #page: number;

  constructor(shape: ModelShape) {
    this.#shape = shape;
    this.#page = shape.sizes[0];
  }

  get mappedBytes(): number {
    let sum = 0;
    for (const leaf of this.leaves.values()) sum += leaf.size;
    return sum;
  }

  /** Bytes that an entry of `level` maps. */
  sizeAt(level: number): number {
    return this.#page * this.#shape.entries ** (3 - level);
  }

  #levelOf(size: number): number {
    let level = 3;
    while (this.sizeAt(level) < size) level--;
    return level;
  }

  /** The leaf that covers an address, and where it begins. */
  leafAt(at: number): { start: number; leaf: ModelLeaf } | null {
    for (const size of this.#shape.sizes) {
      const start = at - (at % size);
      const leaf = this.leaves.get(start / this.#page);
      if (leaf !== undefined && leaf.size === size) return { start, leaf };
    }
    return null;
  }

  physical(at: number): number | null {
    const found = this.leafAt(at);
    return found === null ? null : found.leaf.pa + (at - found.start);
  }

  /** How far a run of entries of `level` may go: to the end of a table page and of the start table. */
  #room(at: number, level: number, count: number): number {
    const { entries, rootEntries, startLevel } = this.#shape;
    const index = Math.floor(at / this.sizeAt(level));
    const inPage = entries - (index % entries);
    if (level > startLevel) return Math.min(count, inPage);
    return Math.min(count, inPage, rootEntries - (index % rootEntries));
  }

  #tableKey(at: number, level: number): string {
    const span = this.sizeAt(level - 1);
    return `${level}:${at - (at % span)}`;
  }

  /** Removes the table of `level` that covers `at`, and all leaves and tables in its range. */
  #removeTable(at: number, level: number): void {
    const span = this.sizeAt(level - 1);
    const start = at - (at % span);
    for (const key of this.tables) {
      const [below, first] = key.split(':').map(Number);
      if (below >= level && first >= start && first < start + span) this.tables.delete(key);
    }
    for (const [page, leaf] of this.leaves) {
      const first = page * this.#page;
      if (first >= start && first < start + span && leaf.size < span) this.leaves.delete(page);
    }
  }

  mapPages(iova: number, pa: number, size: number, count: number, prot: number): { ret: number; mapped: number } {
    // Indexing drops the bits of an address below its page.
    const at = iova - (iova % size);
    if ((prot & (PROT_READ | PROT_WRITE)) === 0) return { ret: -EINVAL, mapped: 0 };
    const target = this.#levelOf(size);
    for (let level = this.#shape.startLevel; level < target; level++) {
      const above = this.leafAt(at);
      if (above !== null && above.leaf.size === this.sizeAt(level)) return { ret: -EEXIST, mapped: 0 };
      this.tables.add(this.#tableKey(at, level + 1));
    }
    const length = this.#room(at, target, count);
    for (let i = 0; i < length; i++) {
      const here = at + i * size;
      if (this.leaves.get(here / this.#page)?.size === size) return { ret: -EEXIST, mapped: 0 };
      if (this.tables.has(this.#tableKey(here, target + 1))) this.#removeTable(here, target + 1);
    }
    const attributes = attributesOf(this.#shape.config, prot);
    for (let i = 0; i < length; i++)
      this.leaves.set((at + i * size) / this.#page, { pa: pa + i * size, attributes, size });
    return { ret: 0, mapped: length * size };
  }

  unmapPages(iova: number, size: number, count: number): number {
    if (count === 0) return 0;
    const at = iova - (iova % size);
    const target = this.#levelOf(size);
    const above = this.leafAt(at);
    if (above !== null && above.leaf.size > size) return this.#unmapPart(at, size, count, above);
    const length = this.#room(at, target, count);
    for (let i = 0; i < length; i++) {
      const here = at + i * size;
      if (this.leaves.get(here / this.#page)?.size === size) this.leaves.delete(here / this.#page);
      else if (this.tables.has(this.#tableKey(here, target + 1))) this.#removeTable(here, target + 1);
      else return i * size;
    }
    return length * size;
  }

  #unmapPart(at: number, size: number, count: number, block: { start: number; leaf: ModelLeaf }): number {
    const { start, leaf } = block;
    if (this.#shape.config.partialUnmap === 'refuse') return 0;
    this.leaves.delete(start / this.#page);
    if (this.#shape.config.partialUnmap === 'whole') return leaf.size;
    const level = this.#levelOf(leaf.size) + 1;
    const step = this.sizeAt(level);
    this.tables.add(this.#tableKey(at, level));
    for (let offset = 0; offset < leaf.size; offset += step) {
      const piece = { pa: leaf.pa + offset, attributes: leaf.attributes, size: step };
      this.leaves.set((start + offset) / this.#page, piece);
    }
    return this.unmapPages(at, size, count);
  }

  /** The page size and count of the next raw call of a request. */
  #choose(at: number, pa: number, bytes: number): { size: number; count: number } {
    const { sizes } = this.#shape;
    const fitting = sizes.filter((size) => at % size === 0 && pa % size === 0 && size <= bytes);
    const size = fitting[fitting.length - 1];
    const next = sizes[fitting.length];
    if (next !== undefined && at % next === pa % next) {
      const before = next - (at % next);
      if (before + next <= bytes) return { size, count: before / size };
    }
    return { size, count: Math.floor(bytes / size) };
  }

  map(at: number, pa: number, bytes: number, prot: number): number {
    for (let done = 0; done < bytes; ) {
      const { size, count } = this.#choose(at + done, pa + done, bytes - done);
      const { ret, mapped } = this.mapPages(at + done, pa + done, size, count, prot);
      done += mapped;
      if (ret === 0) continue;
      this.unmap(at, done);
      return ret;
    }
    return 0;
  }

  unmap(at: number, bytes: number): number {
    let done = 0;
    while (done < bytes) {
      const { size, count } = this.#choose(at + done, at + done, bytes - done);
      const unmapped = this.unmapPages(at + done, size, count);
      if (unmapped === 0) break;
      done += unmapped;
    }
    return done;
  }
}

function attributesOf({ format, quirks }: PgtableConfig, prot: number): bigint {
  const has = (flag: number): boolean => (prot & flag) !== 0;
  const when = (condition: boolean, value: bigint): bigint => (condition ? value : 0n);
  const executeNever = when(has(PROT_NOEXEC), bit(53) | bit(54));
  const readWrite = when(has(PROT_READ), bit(6)) | when(has(PROT_WRITE), bit(7));
  const index = has(PROT_MMIO) ? 2n : has(PROT_CACHE) ? 1n : 0n;
  if (format === 'ARM_MALI_LPAE') return executeNever | readWrite | (index << 2n) | (2n << 8n);
  const shared = (has(PROT_CACHE) ? 3n : 2n) << 8n;
  const common = executeNever | shared | bit(10);
  if (format.endsWith('_S2')) {
    const writeBack = quirks.includes('S2FWB') ? 6n : 15n;
    return common | readWrite | ((has(PROT_MMIO) ? 1n : has(PROT_CACHE) ? writeBack : 5n) << 2n);
  }
  const readOnly = has(PROT_READ) && !has(PROT_WRITE);
  return (
    common |
    bit(11) |
    (index << 2n) |
    when(readOnly, bit(7)) |
    when(!readOnly && quirks.includes('HD'), bit(51)) |
    when(!has(PROT_PRIV), bit(6)) |
    when(quirks.includes('NS'), bit(5))
  );
}
