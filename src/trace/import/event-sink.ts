import type { PgtraceError } from '../../base/errors.ts';
import type { EventHead } from './event-head.ts';
import type { Payload } from './payload.ts';
import type { QuickRequest } from './quick-request.ts';

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
