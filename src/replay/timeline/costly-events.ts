import { hex64 } from '../../base/u64.ts';
import type { Batch } from '../../trace/batch.ts';
import * as E from '../../trace/events.ts';
import type { BoundJob } from '../jobs/bound-job.ts';
import type { AddressSpace } from '../spaces/address-space.ts';
import type { CostlyEvent } from './offenders.ts';

/** The event at `i` of a batch, number `seq`, with what it cost. */
export function eventAt(
  metric: string,
  value: number,
  space: AddressSpace,
  batch: Batch,
  i: number,
  seq: number,
): CostlyEvent {
  const event = { metric, value, seq, line: batch.line[i], domain: space.id, op: E.OPS[batch.op[i]] };
  const object = batch.objects.get(i);
  if (object !== undefined) {
    const { iova, size } = object as { iova?: string; size?: number };
    return { ...event, iova: iova ?? null, size: size ?? 0 };
  }
  const raw = batch.op[i] === E.OP_MAP_PAGES || batch.op[i] === E.OP_UNMAP_PAGES;
  const iova = hex64(batch.iovaHi[i], batch.iovaLo[i]);
  return { ...event, iova, size: raw ? batch.size[i] * batch.count[i] : batch.size[i] };
}

/** The event that bound a job, with what all of the job cost. */
export function jobEvent(metric: string, value: number, { event, seq, line, space }: BoundJob): CostlyEvent {
  const iova = event.ops.find((op) => op.iova !== undefined)?.iova ?? null;
  const size = event.ops.reduce((sum, op) => sum + (op.size ?? 0), 0);
  return { metric, value, seq, line, domain: space.id, op: event.op, iova, size };
}
