import { EBUSY, EFAULT, EINVAL, ENOENT, ENOMEM } from '../../../base/vocabulary.ts';
import { ADDRESS_END } from '../../address.ts';
import type { UnregisterMode } from '../options.ts';
import type { WindowTally } from '../tally.ts';
import type { Mm } from './mm.ts';
import { type Backing, Region } from './region.ts';

/** Memory to be registered. Addresses and sizes in bytes. */
export interface Registration {
  readonly vaddr: number;
  readonly size: number;
  readonly backing: readonly Backing[];
  /** Offset of the first byte that no memory is behind; null: all is there. */
  readonly fault: number | null;
}

/** Whether an end of a teardown is wanted alone: `begin` leaves the region visible to look-ups, `end` takes it away. */
export type TeardownPhase = 'begin' | 'end' | null;

/** Registers memory for a container that lists its regions in `listed` (vfio_iommu_spapr_tce.c:tce_iommu_register_pages). */
export function register(mm: Mm, listed: Set<Region>, request: Registration, tally: WindowTally): number {
  const { vaddr, size, fault } = request;
  const page = mm.cpuPage;
  if (vaddr % page !== 0 || size % page !== 0 || vaddr + size >= ADDRESS_END) return -EINVAL;
  const known = mm.exact(vaddr, size);
  if (known !== null) {
    if (listed.has(known)) return -EBUSY;
    known.used++;
    known.owners++;
    listed.add(known);
    tally.registeredAgain++;
    return 0;
  }
  const entries = size / page;
  if (!mm.account('regions', entries)) return -ENOMEM;
  tally.accountCalls++;
  // The array of physical addresses of no page at all cannot be had.
  let ret = entries === 0 ? -ENOMEM : 0;
  if (ret === 0) {
    const pinned = fault === null ? entries : Math.min(entries, Math.floor(fault / page));
    tally.notePinned(pinned);
    if (pinned < entries) ret = -EFAULT;
    else if (mm.overlaps(vaddr, vaddr + size)) ret = -EINVAL;
    if (ret !== 0) tally.unpins += pinned;
  }
  if (ret !== 0) {
    mm.unaccount('regions', entries);
    tally.accountCalls++;
    return ret;
  }
  const region = new Region(vaddr, size, page, request.backing);
  region.owners = 1;
  mm.add(region);
  listed.add(region);
  tally.noteRegistered(size);
  return 0;
}

/**
 * Gives registered memory back (tce_iommu_unregister_pages). As intended, live TCEs refuse it. In the kernel the request
 * holds a reference of its own, so that the refusal comes with the last put, whose answer nobody reads: it succeeds, and
 * the region stays pinned and accounted with nobody to free it.
 */
export function unregister(
  mm: Mm,
  listed: Set<Region>,
  vaddr: number,
  size: number,
  phase: TeardownPhase,
  mode: UnregisterMode,
  tally: WindowTally,
): number {
  if (vaddr % mm.cpuPage !== 0 || size % mm.cpuPage !== 0) return -EINVAL;
  if (phase === 'end') {
    const at = mm.dying.findIndex((region) => region.start === vaddr && region.size === size);
    if (at < 0) return -ENOENT;
    mm.dying.splice(at, 1);
    return 0;
  }
  const region = mm.exact(vaddr, size);
  if (region === null || !listed.has(region)) return -ENOENT;
  if (mode === 'intended') {
    const ret = put(mm, region, phase, tally);
    if (ret !== 0) return ret;
    disown(listed, region);
    return 0;
  }
  region.used++;
  put(mm, region, phase, tally);
  disown(listed, region);
  put(mm, region, phase, tally);
  return 0;
}

/** Drops one registration; the last takes the region away unless TCEs point into it (iommu_api.c:mm_iommu_put). */
export function put(mm: Mm, region: Region, phase: TeardownPhase, tally: WindowTally): number {
  if (--region.used > 0) return 0;
  if (region.mapped !== 1) {
    region.used++;
    return -EBUSY;
  }
  region.mapped = 0;
  mm.remove(region);
  if (phase === 'begin') mm.dying.push(region);
  mm.unaccount('regions', region.entries);
  tally.accountCalls++;
  tally.unpins += region.entries;
  tally.noteRegistered(-region.size);
  return 0;
}

/** The container no longer lists the region. */
export function disown(listed: Set<Region>, region: Region): void {
  if (listed.delete(region)) region.owners--;
}
