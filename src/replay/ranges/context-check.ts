import { hexHi, hexLo } from '../../base/u64.ts';
import { type Batch, FLAG_HAS_END, FLAG_HAS_TS } from '../../trace/batch.ts';
import * as E from '../../trace/events.ts';
import type { Findings } from '../results/findings.ts';
import type { AddressSpace } from '../spaces/address-space.ts';

/**
 * The callbacks of an allocator with reservations find the running operation by one pointer of the address space
 * (panthor_mmu.c: vm->op_ctx), so that no other may run at the same time. Looks at the times of the event at `i`.
 */
export function checkOverlap(space: AddressSpace, batch: Batch, i: number, seq: number, findings: Findings): void {
  const flags = batch.flags[i];
  if ((flags & FLAG_HAS_TS) === 0) return;
  const { busy } = space;
  const op = batch.op[i];
  if (space.allocator.usesContext && batch.ts[i] < busy.until) {
    const message = `starts at ${batch.ts[i]} ns, during event ${busy.seq} (line ${busy.line}), which runs until ${busy.until} ns`;
    const event = batch.objects.get(i);
    if (event !== undefined) {
      const { iova, size } = event.op === 'reserve' ? event : { iova: '0x0', size: 0 };
      findings.broken('ctx-overlap', space.id, seq, batch.line[i], hexHi(iova), hexLo(iova), size, message);
    } else {
      const raw = op === E.OP_MAP_PAGES || op === E.OP_UNMAP_PAGES;
      const size = raw ? batch.size[i] * batch.count[i] : batch.size[i];
      findings.broken('ctx-overlap', space.id, seq, batch.line[i], batch.iovaHi[i], batch.iovaLo[i], size, message);
    }
  }
  if ((flags & FLAG_HAS_END) === 0 || batch.end[i] <= busy.until) return;
  busy.until = batch.end[i];
  busy.seq = seq;
  busy.line = batch.line[i];
}
