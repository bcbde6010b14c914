import { addHi, addLo } from '../base/u64.ts';
import { EINVAL } from '../base/vocabulary.ts';
import * as C from '../lpae/counters.ts';
import { repeatShared } from '../lpae/sharing/repeat.ts';
import type { IommuDomain } from './domain.ts';
import { LOOKED_AT, refuseHopeless } from './hopeless.ts';
import type { RepeatUnwind } from './repeat-unwind.ts';

/** A physical run of `length` bytes, mapped over and over to `size` bytes of IOVAs. */
export interface RepeatRequest {
  readonly iovaHi: number;
  readonly iovaLo: number;
  readonly size: number;
  readonly paddrHi: number;
  readonly paddrLo: number;
  readonly length: number;
  readonly prot: number;
}

/** What a repeat mapping came to. */
export interface RepeatOutcome {
  /** 0 or a negative errno. */
  readonly ret: number;
  /** Bytes mapped by it that stay mapped: all of them, or what a failure left behind. */
  readonly mapped: number;
  /** Entries written, leaves and links to new tables. */
  readonly written: number;
}

/** -EINVAL for a run that does not divide the range, and for what the core refuses of a map; 0: it can be tried. */
export function repeatError(domain: IommuDomain, request: RepeatRequest): number {
  const { iovaHi, iovaLo, paddrHi, paddrLo, size, length } = request;
  const { chooser } = domain;
  if (!chooser.isAligned(iovaHi, iovaLo, paddrHi, paddrLo, size)) return -EINVAL;
  return length === 0 || size % length !== 0 || !chooser.isAligned(0, 0, 0, 0, length) ? -EINVAL : 0;
}

/**
 * Maps the run again and again through the IOMMU core, as the panthor series for repeat mappings does
 * (panthor_mmu.c:panthor_vm_map_pages in a loop); when one repetition fails, those before it are unmapped.
 */
export function repeatPlainly(domain: IommuDomain, request: RepeatRequest, unwind: RepeatUnwind): RepeatOutcome {
  const { iovaHi, iovaLo, size, paddrHi, paddrLo, length, prot } = request;
  const { counters } = domain.table;
  // Millions of small requests, none of which would be looked at by itself.
  if (size >= LOOKED_AT) refuseHopeless(domain.table, iovaHi, iovaLo, size, pageOf(domain, request));
  const before = counters[C.LEAVES_WRITTEN] + counters[C.TABLE_ALLOCS];
  let ret = 0;
  let done = 0;
  let overrun = false;
  while (done < size) {
    const hi = addHi(iovaHi >>> 0, iovaLo >>> 0, done);
    const lo = addLo(iovaLo >>> 0, done);
    ret = domain.map(hi | 0, lo | 0, paddrHi | 0, paddrLo | 0, length, prot);
    if (domain.pgdOverrun) overrun = true;
    if (ret !== 0) break;
    done += length;
  }
  const written = counters[C.LEAVES_WRITTEN] + counters[C.TABLE_ALLOCS] - before;
  if (ret !== 0 && done > 0) {
    const back = unwind === 'intended' ? done : done - length;
    if (back > 0) domain.unmap(iovaHi | 0, iovaLo | 0, back);
    done -= back;
  }
  domain.pgdOverrun = overrun;
  return { ret, mapped: done, written };
}

/** The largest page that repetitions can be mapped with. */
function pageOf({ chooser }: IommuDomain, { iovaHi, iovaLo, paddrHi, paddrLo, length }: RepeatRequest): number {
  const common = chooser.common(iovaHi, iovaLo, paddrHi, paddrLo);
  return Math.max(...chooser.sizes.filter((size, at) => at === 0 || (size <= common && length % size === 0)));
}

/** As `repeatPlainly` with tables of equal contents shared; a failure leaves nothing behind. `reserve`: see `repeatShared`. */
export function repeatWithSharing(domain: IommuDomain, request: RepeatRequest, reserve: boolean): RepeatOutcome {
  const { iovaHi, iovaLo, size, paddrHi, paddrLo, length, prot } = request;
  const { table } = domain;
  const { ret, written } = repeatShared(
    table,
    iovaHi | 0,
    iovaLo | 0,
    size,
    paddrHi | 0,
    paddrLo | 0,
    length,
    prot,
    reserve,
  );
  domain.pgdOverrun = false;
  return { ret, mapped: table.mapped, written };
}
