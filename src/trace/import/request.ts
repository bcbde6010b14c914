import type { IommuMap, IommuUnmap, LoggedCall } from './payload.ts';

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
