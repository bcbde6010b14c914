import ndjson from 'ndjson';
import { isExtended, unpackArguments } from '../../base/extended-prot.ts';
import { hex64 } from '../../base/u64.ts';
import { PROT_ALL } from '../../base/vocabulary.ts';
import {
  type Batch,
  FLAG_CLEAR,
  FLAG_GATHER_NONE,
  FLAG_GATHER_QUEUED,
  FLAG_HAS_END,
  FLAG_HAS_PADDR,
  FLAG_HAS_RET,
  FLAG_HAS_TS,
  FLAG_PROT_ASSUMED,
  NONE,
} from '../batch.ts';
import * as E from '../events.ts';

/** A stream that turns events into lines of the trace language. */
export function eventWriter(): NodeJS.ReadWriteStream {
  return ndjson.stringify();
}

/** The names that the columns of a batch point into; a TraceReader has them. */
export interface EventNames {
  readonly domains: readonly string[];
  readonly threads: readonly string[];
  readonly queues: readonly string[];
}

/** The event at position `i` of a batch as an object. */
export function eventAt(batch: Batch, i: number, names: EventNames): E.Event {
  const object = batch.objects.get(i);
  if (object !== undefined) return object;
  const flags = batch.flags[i];
  const event: Record<string, unknown> = { op: E.OPS[batch.op[i]] };
  if ((flags & FLAG_HAS_TS) !== 0) event['ts'] = batch.ts[i];
  if ((flags & FLAG_HAS_END) !== 0) event['end'] = batch.end[i];
  if (batch.domain[i] !== NONE) event['domain'] = names.domains[batch.domain[i]];
  if (batch.thread[i] !== NONE) event['thread'] = names.threads[batch.thread[i]];
  if (batch.queue[i] !== NONE) event['queue'] = names.queues[batch.queue[i]];
  const fences = batch.fences.get(i);
  if (fences !== undefined && fences.waits.length > 0) event['waits'] = fences.waits;
  if (fences !== undefined && fences.signals.length > 0) event['signals'] = fences.signals;
  if (batch.op[i] === E.OP_FAIL_ALLOC) {
    event['nth'] = batch.count[i];
    return event as unknown as E.Event;
  }
  event['iova'] = hex64(batch.iovaHi[i], batch.iovaLo[i]);
  const paddr = hex64(batch.paddrHi[i], batch.paddrLo[i]);
  switch (batch.op[i]) {
    case E.OP_MAP:
      event['paddr'] = paddr;
      event['size'] = batch.size[i];
      break;
    case E.OP_MAP_PAGES:
      event['paddr'] = paddr;
      event['pgsize'] = batch.size[i];
      event['pgcount'] = batch.count[i];
      break;
    case E.OP_UNMAP_PAGES:
      event['pgsize'] = batch.size[i];
      event['pgcount'] = batch.count[i];
      break;
    case E.OP_UNMAP:
    case E.OP_READ_DIRTY:
      event['size'] = batch.size[i];
      break;
    case E.OP_IOVA_TO_PHYS:
      if ((flags & FLAG_HAS_PADDR) !== 0) event['paddr'] = paddr;
      break;
  }
  if ((batch.op[i] === E.OP_MAP || batch.op[i] === E.OP_MAP_PAGES) && (flags & FLAG_PROT_ASSUMED) === 0) {
    event['prot'] = batch.prot[i] & PROT_ALL;
  }
  if (isExtended(batch.prot[i])) Object.assign(event, unpackArguments(batch.prot[i]));
  if ((flags & FLAG_GATHER_QUEUED) !== 0) event['gather'] = 'queued';
  if ((flags & FLAG_GATHER_NONE) !== 0) event['gather'] = 'none';
  if ((flags & FLAG_HAS_RET) !== 0) event['ret'] = batch.ret[i];
  if (batch.op[i] === E.OP_READ_DIRTY) event['clear'] = (flags & FLAG_CLEAR) !== 0;
  return event as unknown as E.Event;
}
