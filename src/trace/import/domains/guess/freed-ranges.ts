import type { Journal } from './journal.ts';

/** Size classes of a CPU: powers of two of pages. */
const CLASSES = 64;

/** A freed range that the allocator may hand out again: from the cache of the CPU that freed it, the last one first. */
export interface Freed {
  readonly page: number;
  readonly cpu: number;
  /** CPU and size class. */
  readonly stack: number;
}

/**
 * The freed ranges of one address space as the caches of its IOVA allocator hold them, a stack for each CPU and size class
 * (iova.c: iova_rcache_insert, iova_rcache_get). Changes go into a journal.
 */
export class FreedRanges {
  /** By their first page: the one that was freed last. */
  readonly freed = new Map<number, Freed>();
  /** By CPU and size class, the one freed last on top. */
  readonly stacks = new Map<number, Freed[]>();
  /** The freed range that lies below the top of each stack. */
  readonly second = new Map<number, Freed | undefined>();
  /** Stacks that were found empty since something was last freed to them. */
  readonly dry = new Map<number, boolean>();

  /** A map takes the range that was freed at a page: the pages of its size class, 0: none was. */
  take(page: number, journal: Journal): number {
    const freed = this.freed.get(page);
    if (freed === undefined) return 0;
    this.#unstack(freed, journal);
    this.freed.delete(page);
    journal.undo(() => this.freed.set(page, freed));
    return 2 ** (freed.stack % CLASSES);
  }

  /** A map of the size class `order` on a CPU took a fresh range: its stack there must have been empty. */
  passOver(cpu: number, order: number, journal: Journal): void {
    const stack = cpu * CLASSES + order;
    if ((this.stacks.get(stack)?.length ?? 0) > 0 && this.dry.get(stack) !== true) this.#setDry(stack, true, journal);
  }

  /** A range of the size class `order` that begins at a page is freed on a CPU. */
  add(page: number, cpu: number, order: number, journal: Journal): void {
    const old = this.freed.get(page);
    if (old !== undefined) this.#unstack(old, journal);
    const freed: Freed = { page, cpu, stack: cpu * CLASSES + order };
    this.freed.set(page, freed);
    let stack = this.stacks.get(freed.stack);
    if (stack === undefined) {
      stack = [];
      this.stacks.set(freed.stack, stack);
    }
    stack.push(freed);
    const ours = stack;
    journal.undo(() => {
      ours.pop();
      if (old === undefined) this.freed.delete(page);
      else this.freed.set(page, old);
    });
    if (this.dry.get(freed.stack) === true) this.#setDry(freed.stack, false, journal);
  }

  #unstack(freed: Freed, journal: Journal): void {
    const stack = this.stacks.get(freed.stack);
    const at = stack?.lastIndexOf(freed) ?? -1;
    if (stack === undefined || at < 0) return;
    if (at !== stack.length - 1 || this.second.get(freed.stack) === freed) {
      const second = this.second.get(freed.stack);
      journal.undo(() => this.second.set(freed.stack, second));
      this.second.set(freed.stack, stack[at - 1]);
    }
    stack.splice(at, 1);
    journal.undo(() => stack.splice(at, 0, freed));
  }

  #setDry(stack: number, dry: boolean, journal: Journal): void {
    const before = this.dry.get(stack) ?? false;
    this.dry.set(stack, dry);
    journal.undo(() => this.dry.set(stack, before));
  }
}
