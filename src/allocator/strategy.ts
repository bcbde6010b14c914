import type { TableAllocator } from '../lpae/callbacks.ts';

/** A table allocator with the phases of an operation around its callbacks: what a driver wraps around map and unmap. */
export interface AllocatorStrategy extends TableAllocator {
  /** Before an operation touches the tree. False fails it with -ENOMEM, nothing changed. */
  beginOp(): boolean;
  /** After it: surplus goes back. */
  endOp(): void;
  /** The address space is gone. */
  teardown(): void;
}
