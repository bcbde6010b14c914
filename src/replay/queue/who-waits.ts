import type { Batch } from '../../trace/batch.ts';
import type * as E from '../../trace/events.ts';

/** Events that do not empty the queue: jobs have an order of their own, readers come and go. */
const UNDISTURBING: ReadonlySet<E.OpName> = new Set([
  'bo',
  'bind',
  'exec',
  'cleanup',
  'rcu_read',
  'register',
  'unregister',
  'window_map',
  'window_unmap',
]);
/** Events that wait in the queue for their turn. */
const WAITING: ReadonlySet<E.OpName> = new Set(['reserve', 'unreserve', 'release']);

/** Whether an event beyond columns that does not wait itself lets everything run first that does. */
export function emptiesQueue(event: E.Event): boolean {
  return !UNDISTURBING.has(event.op);
}

/** Whether an event waits in the queue for its turn, where there is one. */
export function waitsInQueue(event: E.Event): boolean {
  return WAITING.has(event.op) && !inSeveral(event);
}

/** A reserve in several address spaces waits for nobody: all of them must be at rest. */
export function inSeveral(event: E.Event): boolean {
  return event.op === 'reserve' && event.domains !== undefined;
}

/** Whether the event beyond columns at `i` runs only when the queue lets it; asynchronous jobs are among these. */
export function waitsItsTurn(batch: Batch, i: number): boolean {
  const event = batch.objects.get(i);
  if (event === undefined) return false;
  return event.op === 'bind' ? event.mode === 'async' : waitsInQueue(event);
}
