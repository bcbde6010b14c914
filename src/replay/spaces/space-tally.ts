import { OPS } from '../../trace/events.ts';

/** Operations that reached an address space, by op code, and what came of them. */
export class SpaceTally {
  readonly ops = new Float64Array(OPS.length);
  /** Failed operations by errno. */
  readonly errors = new Map<number, number>();
  /** Operations whose return the trace tells, and those of them that returned the same here. */
  returnsChecked = 0;
  returnsEqual = 0;
  /** Events that contradict those before them, by kind, and what became of them. */
  readonly conflicts = new Map<string, number>();

  /** Counts an event of a kind in `conflicts`. */
  conflict(kind: string): void {
    this.conflicts.set(kind, (this.conflicts.get(kind) ?? 0) + 1);
  }

  /** Counts an operation that failed with the negative errno `ret`. */
  failed(ret: number): void {
    this.errors.set(ret, (this.errors.get(ret) ?? 0) + 1);
  }
}
