import { KernelAllocator } from './kernel.ts';
import type { AllocatorStrategy } from './strategy.ts';

/** An allocator strategy as the command line knows it. */
export interface AllocatorKind {
  readonly name: string;
  readonly help: string;
  create(): AllocatorStrategy;
}

export const ALLOCATORS: readonly AllocatorKind[] = [
  { name: 'kernel', help: 'one page-allocator call per table', create: () => new KernelAllocator() },
];
