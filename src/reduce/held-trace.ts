import { Batch, copyEvent } from '../trace/batch.ts';
import { BatchWriter } from '../trace/batch-writer.ts';
import type { Event } from '../trace/events.ts';
import { type EventNames, eventAt } from '../trace/ndjson/encode.ts';

/** Takes a batch of events during the call; false: no more are wanted. */
export type BatchTaker = (batch: Batch) => boolean;

/** A trace in memory, so that any part of it can be replayed again without being read again. */
export class HeldTrace {
  readonly names: EventNames;
  readonly #batches: Batch[] = [];
  /** The number of the first event of each batch. */
  readonly #starts: number[] = [];
  readonly #scratch = new Batch();
  length = 0;

  /** `names`: of the reader that the batches come from. */
  constructor(names: EventNames) {
    this.names = names;
  }

  /** Keeps the events of a batch. */
  hold(batch: Batch): void {
    const copy = new Batch();
    for (let i = 0; i < batch.length; i++) copyEvent(batch, i, copy, i);
    copy.length = batch.length;
    this.#starts.push(this.length);
    this.#batches.push(copy);
    this.length += batch.length;
  }

  /** Shows every event where it stands in its batch. */
  each(visit: (batch: Batch, i: number, index: number) => void): void {
    this.#batches.forEach((batch, at) => {
      for (let i = 0; i < batch.length; i++) visit(batch, i, this.#starts[at] + i);
    });
  }

  /** Hands over the events with these numbers, which ascend. */
  feed(indices: readonly number[], take: BatchTaker): void {
    const scratch = this.#scratch;
    scratch.clear();
    let at = 0;
    for (const index of indices) {
      while (index >= this.#starts[at] + this.#batches[at].length) at++;
      if (scratch.full) {
        const more = take(scratch);
        scratch.clear();
        if (!more) return;
      }
      copyEvent(this.#batches[at], index - this.#starts[at], scratch, scratch.length++);
    }
    if (scratch.length > 0) take(scratch);
    scratch.clear();
  }

  /** The events with these numbers, which ascend, as objects. */
  events(indices: readonly number[]): Event[] {
    const events: Event[] = [];
    this.feed(indices, (batch) => {
      for (let i = 0; i < batch.length; i++) events.push(eventAt(batch, i, this.names));
      return true;
    });
    return events;
  }
}

/** Hands over events that are objects, numbered as lines from 1; the names belong to the batches. */
export function feedEvents(events: readonly Event[], take: (batch: Batch, names: EventNames) => boolean): void {
  const writer: BatchWriter = new BatchWriter((batch) =>
    take(batch, { domains: writer.domains.names, threads: writer.threads.names, queues: writer.queues.names }),
  );
  events.forEach((event, i) => {
    if (!writer.stopped) writer.push(event, i + 1);
  });
  writer.flush();
}
