import type { BufferObject } from '../../../../src/gpuvm/buffer-object.ts';
import { GPU_UNMAP, type GpuOp } from '../../../../src/gpuvm/gpu-job.ts';
import { G, K, M } from '../own-rig.ts';

interface Mapping {
  readonly start: number;
  readonly end: number;
  readonly object: BufferObject | null;
  readonly offset: number;
  /** The largest page by which a cut is judged. */
  readonly largest: number;
}

/** Page by page, which leaves xe uses and how large they are, from which the tables follow. */
export class XeByHand {
  /** Bytes that the last operation bound anew. */
  rebound = 0;
  #mappings: Mapping[] = [];
  /** Size of the leaf that maps a page. */
  readonly #leaf = new Map<number, number>();

  apply(op: GpuOp): void {
    this.rebound = 0;
    const end = op.start + op.size;
    const met = this.#mappings.filter((old) => old.start < end && old.end > op.start);
    this.#mappings = this.#mappings.filter((old) => !met.includes(old));
    for (const old of met) {
      const from = Math.max(old.start, op.start);
      const to = Math.min(old.end, end);
      for (let at = from; at < to; at += 4 * K) this.#leaf.delete(at);
      for (const [start, stop, cut] of [
        [old.start, from, from],
        [to, old.end, to],
      ]) {
        if (start >= stop) continue;
        const piece = { ...old, start, end: stop, offset: old.offset + start - old.start };
        if (cut % old.largest === 0) this.#mappings.push(piece);
        else {
          this.#bind(piece);
          this.rebound += stop - start;
        }
      }
    }
    if (op.kind !== GPU_UNMAP) this.#bind({ start: op.start, end, object: op.object, offset: op.offset, largest: 0 });
  }

  #bind(mapping: Mapping): void {
    const { start, end } = mapping;
    let largest = 4 * K;
    for (let at = start; at < end; ) {
      const size = [G, 2 * M, 4 * K].find((leaf) => fits(mapping, at, leaf)) as number;
      for (let page = 0; page < size; page += 4 * K) this.#leaf.set(at + page, size);
      largest = Math.max(largest, size);
      const slot = Math.floor(at / (2 * M));
      // A run of 64K lies in one table, and in its mapping.
      if (size === 4 * K && fits(mapping, at, 64 * K) && Math.floor((at + 64 * K - 1) / (2 * M)) === slot) {
        largest = Math.max(largest, 64 * K);
      }
      at += size;
    }
    this.#mappings.push({ ...mapping, largest });
  }

  /** Tables by level, the root first. */
  get tables(): number[] {
    const sets = [new Set([0]), new Set<number>(), new Set<number>(), new Set<number>()];
    for (const [page, size] of this.#leaf) {
      sets[1].add(Math.floor(page / (512 * G)));
      if (size < G) sets[2].add(Math.floor(page / G));
      if (size < 2 * M) sets[3].add(Math.floor(page / (2 * M)));
    }
    return sets.map(({ size }) => size);
  }

  get leaves(): number[] {
    const bytes = new Map<number, number>();
    for (const size of this.#leaf.values()) bytes.set(size, (bytes.get(size) ?? 0) + 4 * K);
    return [0, (bytes.get(G) ?? 0) / G, (bytes.get(2 * M) ?? 0) / (2 * M), (bytes.get(4 * K) ?? 0) / (4 * K)];
  }
}

/** A leaf of that size can map an address: in its mapping, aligned, and in one segment that is. */
function fits({ start, end, object, offset }: Mapping, at: number, size: number): boolean {
  if (at % size !== 0 || at + size > end) return false;
  if (object === null) return true;
  const from = offset + at - start;
  const segment = object.segmentAt(from);
  return object.paddrAt(from) % size === 0 && object.segmentAt(from + size - 1) === segment;
}
