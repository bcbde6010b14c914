import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printableJson } from '../../src/base/printable.ts';
import type { Batch } from '../../src/trace/batch.ts';
import { BatchWriter } from '../../src/trace/batch-writer.ts';
import type { Event } from '../../src/trace/events.ts';
import { type EventNames, eventAt } from '../../src/trace/ndjson/encode.ts';
import { LineEncoder } from '../../src/trace/ndjson/line-encoder.ts';
import { anyEvent } from './arbitraries.ts';

/** An event as its own line gives it back. */
function read(event: Event): unknown {
  const names: EventNames = { domains: [], threads: [], queues: [] };
  let found: unknown = null;
  const writer: BatchWriter = new BatchWriter((batch: Batch) => {
    (names.domains as string[]).push(...writer.domains.names);
    (names.threads as string[]).push(...writer.threads.names);
    (names.queues as string[]).push(...writer.queues.names);
    found = JSON.parse(JSON.stringify(eventAt(batch, 0, names)));
    return true;
  });
  writer.push(event, 1);
  writer.flush();
  return found;
}

/** The events of some batches as lines: by the encoder, and object by object. */
function bothWays(events: readonly Event[]): { readonly bytes: string; readonly objects: string } {
  const chunks: Buffer[] = [];
  let objects = '';
  let encoder: LineEncoder | null = null;
  const names: EventNames = { domains: [], threads: [], queues: [] };
  const writer: BatchWriter = new BatchWriter((batch: Batch) => {
    (names.domains as string[]).splice(0, Number.POSITIVE_INFINITY, ...writer.domains.names);
    (names.threads as string[]).splice(0, Number.POSITIVE_INFINITY, ...writer.threads.names);
    (names.queues as string[]).splice(0, Number.POSITIVE_INFINITY, ...writer.queues.names);
    encoder ??= new LineEncoder(names, (bytes) => chunks.push(Buffer.from(bytes)));
    for (let i = 0; i < batch.length; i++) objects += `${printableJson(JSON.stringify(eventAt(batch, i, names)))}\n`;
    encoder.encode(batch);
    return true;
  });
  for (const [i, event] of events.entries()) writer.push(event, i + 1);
  writer.flush();
  (encoder as LineEncoder | null)?.finish();
  return { bytes: Buffer.concat(chunks).toString('utf8'), objects };
}

describe('lines of the trace language, written as bytes', () => {
  it('are what the events give as objects', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 40 }), (events) => {
        const { bytes, objects } = bothWays(events);
        expect(bytes).toBe(objects);
        // What is escaped for the sake of terminals is the same to a reader.
        expect(
          bytes
            .trimEnd()
            .split('\n')
            .filter(Boolean)
            .map((line) => JSON.parse(line)),
        ).toEqual(events.map(read));
      }),
      { numRuns: 300, seed: 5 },
    );
  });

  it('hold over the end of the buffer, and with long names', () => {
    const events = Array.from({ length: 9000 }, (_, i): Event => {
      const iova = `0x${(i * 4096).toString(16)}` as const;
      const domain = i % 1000 === 0 ? 'x'.repeat(300_000) : `d${i % 7}`;
      return { op: 'map', domain, iova, paddr: iova, size: 4096, thread: `t${i % 5}`, ts: i * 1e9, ret: -i };
    });
    const { bytes, objects } = bothWays(events);
    expect(bytes === objects).toBe(true);
  });
});
