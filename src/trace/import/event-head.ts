import type { PgtraceError } from '../../base/errors.ts';
import type { Payload } from './payload.ts';
import type { QuickRequest } from './quick-request.ts';

/** Where and when an event was recorded. */
export interface EventHead {
  /** Process id; idle tasks share pid 0 and are told apart by CPU: `0@1`. */
  readonly thread: string;
  /** What the thread was doing: 0 task (or not recorded), 1 softirq, 2 hardirq, 3 NMI. */
  readonly level: number;
  /** -1 when the recording does not say. */
  readonly cpu: number;
  /** Command name; empty when the recording does not say or nobody asked for it. */
  readonly comm: string;
  /** Its time in two parts; the seconds are NO_STAMP when the recording has no time in seconds. */
  readonly seconds: number;
  readonly nanos: number;
}

/** What takes the events of a recording, whatever it is stored in; one per recording. */
export interface EventSink {
  /** An event of use. `line` is its line, or its number in a binary recording, from 1. */
  take(payload: Payload, head: EventHead, line: number): void;
  /** Whether `takeQuick` may be called now: nothing of the recording so far, nor of the options, asks for more than a request tells. */
  readonly takesQuick: boolean;
  /** A request of which nothing but its line or record is known: what `take` does with it where nothing special applies. */
  takeQuick(request: QuickRequest, line: number): void;
  /** An event that is no map, unmap or anything that helps to place them. */
  ignore(): void;
  /** An event that should have held a payload and does not: throws `error`, or counts it when reading leniently. */
  refuse(error: PgtraceError): void;
  /** The recording itself says that `events` are missing here; 0: some, it does not say how many. */
  lost(events: number): void;
  /** The consumer wants no more. */
  readonly stopped: boolean;
}
