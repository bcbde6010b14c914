import { KernelAllocator } from './kernel.ts';
import type { AllocatorStrategy } from './strategy.ts';

/** An allocator strategy as the command line knows it. */
export interface AllocatorKind {
  readonly name: string;
  readonly help: string;
  readonly parameters: readonly { readonly name: string; readonly values: readonly string[] }[];
  create(): AllocatorStrategy;
}

export const ALLOCATORS: readonly AllocatorKind[] = [
  { name: 'kernel', help: 'one page-allocator call per table', parameters: [], create: () => new KernelAllocator() },
];
