import type { Address } from '../../../base/u64.ts';
import type { Payload } from '../payload.ts';
import type { QuickRequest } from '../quick-request.ts';
import type { FieldTexts } from './event-fields.ts';
import type { EventFormat } from './event-formats.ts';

/** How the payloads of one kind of event are read; made once per kind, so that reading an event looks nothing up. */
export interface PayloadPlan {
  /**
   * The payload of the event in `raw[start..end)`, null when it is of no use to a replay, or a text: why an event that
   * should have a payload cannot be read.
   */
  read(raw: Buffer, start: number, end: number): Payload | string | null;
  /** Plans of requests: fills `request`, but for head and time, where the event tells no more than that holds; else false. */
  fill?(raw: DataView, start: number, end: number, request: QuickRequest): boolean;
}

/** The function that an address belongs to, null when the recording does not say. */
export type SymbolAt = (address: Address) => string | null;

/** What plans need to know of the recording besides the layout of the event. */
export interface PlanMeans {
  readonly bigEndian: boolean;
  /** Size of a `long` on the recorded machine, 4 or 8 bytes. */
  readonly longSize: number;
  readonly texts: FieldTexts;
}

/** The name of an event as perf prints it: `iommu:map`. */
export function eventName(format: EventFormat): string {
  return `${format.system}:${format.name}`;
}

/** The plan for events whose fields are not those that are `expected`. */
export function unknownForm(format: EventFormat, expected: string): PayloadPlan {
  const fields = format.fields.map(({ type, name }) => `${type} ${name}`).join(', ');
  const shown = fields.length > 200 ? `${fields.slice(0, 200)}...` : fields;
  const why = `the fields of ${eventName(format)} are in no known form: ${shown}; expected are ${expected}`;
  return { read: () => why };
}

/** Why an event without room for its fields cannot be read. Bytes. */
export function tooShort(format: EventFormat, has: number, needs: number): string {
  return `${eventName(format)} has ${has} bytes where its fields take ${needs}; the recording is damaged here`;
}

/** Why an event with text or arrays outside of itself cannot be read. */
export function outOfBounds(format: EventFormat): string {
  return `a field of ${eventName(format)} points beyond the event's end; the recording is damaged here`;
}

/** Why a size cannot be used. */
export function tooLarge(format: EventFormat, field: string): string {
  return `${field} of ${eventName(format)} is above 2^53: no mapping is that large`;
}
