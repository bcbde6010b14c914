import { RunMap } from '../run-map.ts';

/** How often each address is referred to, kept as runs of the same count. */
export class RefCounts {
  readonly #runs = new RunMap<number>();
  /** References that there are, in bytes: two to one page count it twice. */
  total = 0;
  /** Most references that a byte ever had. */
  most = 0;

  /** Whether any byte of [start, end) is referred to. */
  meets(start: number, end: number): boolean {
    return this.#runs.meets(start, end);
  }

  /** Bytes that are referred to. */
  get bytes(): number {
    return this.#runs.length;
  }

  add(start: number, end: number): void {
    this.#change(start, end, 1);
  }

  /** Takes a reference back that `add` gave. */
  drop(start: number, end: number): void {
    this.#change(start, end, -1);
  }

  #change(start: number, end: number, by: 1 | -1): void {
    const parts: (readonly [from: number, to: number, count: number])[] = [];
    this.#runs.clear(start, end, (from, to, _, count) => parts.push([from, to, count]));
    let at = start;
    const put = (from: number, to: number, count: number): void => {
      if (count <= 0 || to <= from) return;
      this.#runs.put(from, to, from, count);
      this.most = Math.max(this.most, count);
    };
    for (const [from, to, count] of parts) {
      put(at, from, by);
      put(from, to, count + by);
      at = to;
    }
    put(at, end, by);
    this.total += by * (end - start);
  }
}
