import type { ModelKind } from '../base/model.ts';
import { KernelAllocator } from './kernel.ts';
import type { AllocatorStrategy } from './strategy.ts';

/** An allocator strategy as the command line knows it. */
export interface AllocatorKind extends ModelKind {
  create(parameters: Readonly<Record<string, string>>, options: AllocatorOptions): AllocatorStrategy;
}

/** What applies to every strategy of a run. */
export interface AllocatorOptions {
  /** False: recycled pages keep what they held. */
  readonly zero: boolean;
}

export const ALLOCATORS: readonly AllocatorKind[] = [
  { name: 'kernel', help: 'one page-allocator call per table', parameters: [], create: () => new KernelAllocator() },
];
