/** Events kept of each metric. */
const MOST_OFFENDERS = 10;

/** One event that cost more of something than most. */
export interface CostlyEvent {
  /** What it cost much of: a metric's key. */
  readonly metric: string;
  /** How much. */
  readonly value: number;
  /** Number of the event, from 0. */
  readonly seq: number;
  /** Line of the input, from 1. */
  readonly line: number;
  /** Id of its address space. */
  readonly domain: string;
  /** Name of the operation. */
  readonly op: string;
  /** Where it begins, in hex; null for one that is about no range. Of a job: where its first operation begins. */
  readonly iova: string | null;
  /** Bytes that it is about; of a job: of all its operations. */
  readonly size: number;
}

/** The events that cost the most of one metric, the most first; of equals the earlier. */
export class Offenders {
  readonly list: CostlyEvent[] = [];

  /** True for an event that belongs here: most do not, and need no more than this look. */
  accepts(value: number, seq: number): boolean {
    if (value <= 0) return false;
    if (this.list.length < MOST_OFFENDERS) return true;
    const last = this.list[MOST_OFFENDERS - 1];
    return value > last.value || (value === last.value && seq <= last.seq);
  }

  /** Takes an event that is accepted. One that is here already has cost more since: its new value counts. */
  add(event: CostlyEvent): void {
    const { list } = this;
    const known = list.findIndex(({ seq }) => seq === event.seq);
    if (known >= 0) list.splice(known, 1);
    const at = list.findIndex(({ value, seq }) => value < event.value || (value === event.value && seq > event.seq));
    list.splice(at < 0 ? list.length : at, 0, event);
    if (list.length > MOST_OFFENDERS) list.pop();
  }
}
