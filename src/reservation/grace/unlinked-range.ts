import { distance64 } from '../../base/u64.ts';
import type { Moment } from '../../lpae/callbacks.ts';
import type { Reader } from './readers.ts';
import type { Unlink } from './unlink-log.ts';

/** One table page that was unlinked; `token`, `logical` and `occupied` are the allocator's. Offsets and spans in bytes. */
export interface UnlinkedPage {
  readonly token: number;
  readonly logical: number;
  readonly occupied: number;
  /** The part of the unlinked range whose look-ups go through it. */
  readonly offset: number;
  readonly span: number;
  /** Since when it was set aside before that, out of reach for readers that began later. */
  readonly aside: Moment | null;
}

/** The pages of one unlinked range, and the readers that were active at that moment. Times are ticks. */
export interface UnlinkedRange extends Unlink {
  /** Tick until which it waits whoever reads, and from which on it is free: that of the end of its last reader, if later. */
  readonly due: number;
  /** Tick from which on nobody can be inside any more; infinity while a reader is. */
  ready: number;
  /** Tick at which its pages went back; infinity before that. */
  freedAt: number;
  /** Emptied when the pages go back. */
  readers: Reader[];
  readonly pages: UnlinkedPage[];
}

/** How many pages of a range a reader may be inside: those on its path, and not set aside before it began. */
export function pagesHeld({ iovaHi, iovaLo, size, pages }: UnlinkedRange, reader: Reader): number {
  const distance =
    reader.iovaHi === null || reader.iovaLo === null ? null : distance64(reader.iovaHi, reader.iovaLo, iovaHi, iovaLo);
  if (distance !== null && (distance < 0 || distance >= size)) return 0;
  let held = 0;
  for (const { offset, span, aside } of pages) {
    if (distance !== null && (distance < offset || distance >= offset + span)) continue;
    if (aside === null || reader.serial <= aside.readers || reader.begin < aside.at) held++;
  }
  return held;
}
