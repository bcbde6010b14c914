import { type Batch, FLAG_HAS_END, FLAG_HAS_TS } from '../trace/batch.ts';
import * as E from '../trace/events.ts';
import type { AddressSpace } from './address-space.ts';
import type { Findings } from './findings.ts';

const TIMED = FLAG_HAS_TS | FLAG_HAS_END;

/**
 * The callbacks of an allocator with reservations find the running operation by one pointer of the address space
 * (panthor_mmu.c: vm->op_ctx), so that no other may run at the same time. Looks at the times of the event at `i`.
 */
export function checkOverlap(space: AddressSpace, batch: Batch, i: number, seq: number, findings: Findings): void {
  if ((batch.flags[i] & TIMED) !== TIMED) return;
  const { busy } = space;
  const op = batch.op[i];
  if (space.allocator.usesContext && batch.ts[i] < busy.until) {
    const message = `starts at ${batch.ts[i]} ns, during event ${busy.seq} (line ${busy.line}), which runs until ${busy.until} ns`;
    const column = op <= E.LAST_COLUMN_OP;
    const raw = op === E.OP_MAP_PAGES || op === E.OP_UNMAP_PAGES;
    const size = !column ? 0 : raw ? batch.size[i] * batch.count[i] : batch.size[i];
    const hi = column ? batch.iovaHi[i] : 0;
    const lo = column ? batch.iovaLo[i] : 0;
    findings.broken('ctx-overlap', space.id, seq, batch.line[i], hi, lo, size, message);
  }
  if (batch.end[i] <= busy.until) return;
  busy.until = batch.end[i];
  busy.seq = seq;
  busy.line = batch.line[i];
}
