import type { PageTable } from '../lpae/page-table.ts';
import { AllocatorStats } from './allocator-stats.ts';
import type { AllocatorStrategy, AllocatorViolation } from './strategy.ts';

/** The kernel's own way: one page-allocator call per table, one call per free, nothing kept. */
export class KernelAllocator implements AllocatorStrategy {
  readonly announced = false;
  readonly unit = 'op';
  readonly reservesSync = true;
  readonly usesContext = false;
  readonly stats = new AllocatorStats();
  readonly violations: AllocatorViolation[] = [];
  refused = false;

  attach(_table: PageTable): void {}
  mustWait(): boolean {
    return false;
  }
  submit(): number {
    return 0;
  }
  begin(): boolean {
    return true;
  }
  alloc(): number {
    return 0;
  }
  free(): void {}
  end(): void {}
  cleanup(): void {}
  tick(): void {}
  failPage(): boolean {
    return false;
  }
  teardown(): void {}
}
