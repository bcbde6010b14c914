import type { EventHead } from './event-head.ts';
import type { IommuMap, IommuUnmap, LoggedCall } from './payload.ts';
import { nanoseconds } from './text/time-stamp.ts';

/** Where an event came from and when it happened. */
export interface Origin {
  readonly thread: string;
  /** Line of the input, or number of the event in a binary one, from 1. */
  readonly line: number;
  /** Nanoseconds, NO_STAMP when the recording does not say. */
  readonly ts: number;
}

/** A request of the IOMMU core on its way to an address space. */
export interface RecordedRequest extends Origin {
  readonly event: IommuMap | IommuUnmap;
  readonly level: number;
  readonly cpu: number;
  readonly comm: string;
  /** The raw calls that log lines tell of; null where a request alone was recorded. */
  readonly calls: LoggedCall[] | null;
  /** Device that a `dma:*` event names. */
  device: string | null;
  /** IOMMU_* bits by the direction of a `dma:*` event. */
  direction: number | null;
  /** IOMMU_* bits that the raw calls below it were given. */
  prot: number | null;
}

/** A request with what the events beside it do not tell yet. */
export function requestOf(
  event: IommuMap | IommuUnmap,
  head: EventHead,
  line: number,
  calls: LoggedCall[] | null,
): RecordedRequest {
  return {
    event,
    thread: head.thread,
    level: head.level,
    cpu: head.cpu,
    comm: head.comm,
    line,
    ts: stamp(head),
    calls,
    device: null,
    direction: null,
    prot: null,
  };
}

/** A logged request alone, with what its calls came to. */
export function asRequest(request: RecordedRequest): RecordedRequest {
  const { event, calls } = request;
  if (event.kind === 'iommu-map') return { ...request, event: { ...event, ret: 0 }, calls: null };
  const unmapped = (calls ?? []).reduce((sum, { bytes }) => sum + bytes, 0);
  return { ...request, event: { ...event, unmapped }, calls: null };
}

/** Nanoseconds, NO_STAMP when the recording does not say. */
export function stamp({ seconds, nanos }: EventHead): number {
  return nanoseconds(seconds, nanos);
}
