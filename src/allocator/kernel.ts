import { NO_PAGE } from '../lpae/callbacks.ts';
import { START_TOKEN } from './pages/page-names.ts';
import { NO_OPERATION, TicketedAllocator } from './tickets/ticketed-allocator.ts';

/** Every table but the start table: pages are not told apart, none is ever used twice. */
const ANY_PAGE = START_TOKEN + 1;

/** The kernel's own way: one page-allocator call per table, one call per free, nothing kept (__arm_lpae_alloc_pages). */
export class KernelAllocator extends TicketedAllocator {
  readonly announced = false;
  readonly usesContext = false;

  constructor() {
    super({ freshOnTake: false, recycled: true });
  }

  override alloc(logical: number, requested: number, occupied: number, gfp: number, level: number): number {
    const { source } = this;
    if (!source.started || this.running !== NO_OPERATION) return super.alloc(logical, requested, occupied, gfp, level);
    // An injected failure is a part of the trace here: what follows is what the kernel would do.
    if (!source.fetch()) {
      this.stats.failedInRun++;
      return NO_PAGE;
    }
    this.stats.misses++;
    return ANY_PAGE;
  }

  protected take(level: number): number {
    const own = this.takeOwn(level);
    return own === NO_PAGE ? this.takeFetched() : own;
  }

  protected recycle(_token: number): void {
    this.source.giveBack();
  }
}
