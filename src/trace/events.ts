import type { BindEvent, BoEvent, JobEvent } from './events/job-events.ts';
import type {
  IovaToPhysEvent,
  MapEvent,
  MapPagesEvent,
  ReadDirtyEvent,
  RepeatEvent,
  SetDirtyEvent,
  UnmapEvent,
  UnmapPagesEvent,
  WalkEvent,
} from './events/mapping-events.ts';
import type { RcuReadEvent, ReserveEvent, UnreserveEvent } from './events/range-events.ts';
import type { DestroyEvent, DomainEvent, FailAllocEvent, TraceEvent } from './events/space-events.ts';
import type { NestEvent, WindowEvent } from './events/window-events.ts';

export type * from './events/event-base.ts';
export type * from './events/job-events.ts';
export type * from './events/mapping-events.ts';
export type * from './events/range-events.ts';
export type * from './events/space-events.ts';
export type * from './events/window-events.ts';
export { ATTACH_ACTIONS } from './events/window-events.ts';

/*
 * The trace language, version 1: one JSON object a line, told apart by `op`. These types are the language; decode.ts
 * checks them, encode.ts writes them. Addresses are hex texts, sizes and counts integers below 2^53.
 */

/** @internal Version of the trace language that is read and written. */
export const LANGUAGE_VERSION = 1;

/** Any event of the trace language, told apart by `op`. */
export type Event =
  | TraceEvent
  | DomainEvent
  | MapEvent
  | UnmapEvent
  | MapPagesEvent
  | UnmapPagesEvent
  | IovaToPhysEvent
  | WalkEvent
  | FailAllocEvent
  | ReserveEvent
  | UnreserveEvent
  | RcuReadEvent
  | BoEvent
  | BindEvent
  | JobEvent
  | RepeatEvent
  | WindowEvent
  | NestEvent
  | SetDirtyEvent
  | ReadDirtyEvent
  | DestroyEvent;

/** The name of an operation: the `op` of an event. */
export type OpName = Event['op'];

/** @internal Whether an event is about no address space that was there before. */
export function aboutNoSpace(
  event: Event,
): event is TraceEvent | DomainEvent | BoEvent | RcuReadEvent | NestEvent | WindowEvent {
  switch (event.op) {
    case 'trace':
    case 'domain':
    case 'bo':
    case 'rcu_read':
    case 'nest':
    case 'attach':
    case 'window_create':
    case 'window_remove':
    case 'register':
    case 'unregister':
    case 'window_map':
    case 'window_unmap':
      return true;
    default:
      return false;
  }
}

/** @internal Every op, in the order of its code in a batch. The frequent ones come first. */
export const OPS = [
  'map',
  'unmap',
  'map_pages',
  'unmap_pages',
  'iova_to_phys',
  'walk',
  'fail_alloc',
  'set_dirty',
  'read_dirty',
  'trace',
  'domain',
  'destroy',
  'reserve',
  'unreserve',
  'release',
  'rcu_read',
  'bo',
  'bind',
  'exec',
  'cleanup',
  'repeat',
  'window_create',
  'window_remove',
  'register',
  'unregister',
  'window_map',
  'window_unmap',
  'attach',
  'nest',
] as const satisfies readonly OpName[];

/** @internal Codes of the frequent ops, their places in OPS. */
export const OP_MAP = 0;

/** @internal */
export const OP_UNMAP = 1;

/** @internal */
export const OP_MAP_PAGES = 2;

/** @internal */
export const OP_UNMAP_PAGES = 3;

/** @internal */
export const OP_IOVA_TO_PHYS = 4;

/** @internal */
export const OP_WALK = 5;

/** @internal */
export const OP_FAIL_ALLOC = 6;

/** @internal */
export const OP_SET_DIRTY = 7;

/** @internal */
export const OP_READ_DIRTY = 8;

/** @internal */
export const OP_TRACE = 9;

/** @internal */
export const OP_DOMAIN = 10;

/** @internal */
export const OP_DESTROY = 11;

/** @internal Ops up to here live in columns alone; the others carry their event object too. */
export const LAST_COLUMN_OP = OP_READ_DIRTY;

const OP_CODES = new Map<string, number>(OPS.map((op, code) => [op, code]));

/** @internal Code of an op, -1 when there is no such op. */
export function opCode(op: string): number {
  return OP_CODES.get(op) ?? -1;
}
