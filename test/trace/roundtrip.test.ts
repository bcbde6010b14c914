import { once } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex64, hexHi, hexLo } from '../../src/base/u64.ts';
import { BatchWriter } from '../../src/trace/batch-writer.ts';
import { type Event, LAST_COLUMN_OP, OPS, opCode } from '../../src/trace/events.ts';
import { decodeEvent } from '../../src/trace/ndjson/decode.ts';
import { eventAt, eventWriter } from '../../src/trace/ndjson/encode.ts';
import { protBits } from '../../src/trace/ndjson/fields.ts';
import { anyEvent, EVENTS } from './arbitraries.ts';
import { readRows } from './rows.ts';

async function encode(events: readonly Event[]): Promise<string> {
  const stream = eventWriter();
  const chunks: string[] = [];
  stream.on('data', (chunk: Buffer | string) => chunks.push(String(chunk)));
  for (const event of events) stream.write(event as unknown as string);
  stream.end();
  await once(stream, 'end');
  return chunks.join('');
}

describe('encode and decode', () => {
  it.each(OPS)('give %s back as it was', async (op) => {
    await fc.assert(
      fc.asyncProperty(fc.array(EVENTS[op], { minLength: 1, maxLength: 5 }), async (events) => {
        const lines = (await encode(events)).split('\n');
        expect(lines.pop()).toBe('');
        expect(lines.map(decodeEvent)).toEqual(events);
      }),
      { numRuns: 40 },
    );
  });

  it('give a whole trace back, line by line', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyEvent, { maxLength: 30 }), async (events) => {
        const { rows, refused } = readRows(Buffer.from(await encode(events)));
        expect(refused).toEqual([]);
        expect(rows.map((row) => row['op'])).toEqual(events.map((event) => opCode(event.op)));
        expect(rows.map((row) => row['line'])).toEqual(events.map((_, i) => i + 1));
        events.forEach((event, i) => {
          if (opCode(event.op) > LAST_COLUMN_OP) expect(rows[i]['object']).toEqual(event);
        });
      }),
      { numRuns: 100 },
    );
  });
});

/** What columns keep of an event: the fields that a replay uses, in one spelling. */
function essence(event: Event): Event {
  const fields: Record<string, unknown> = { ...event };
  for (const key of Object.keys(fields)) if (key.startsWith('x')) delete fields[key];
  for (const key of ['ts', 'end', 'queue', 'comment']) delete fields[key];
  for (const key of ['iova', 'paddr']) {
    const text = fields[key];
    if (typeof text === 'string') fields[key] = hex64(hexHi(text), hexLo(text));
  }
  if (fields['thread'] !== undefined) fields['thread'] = String(fields['thread']);
  const prot = fields['prot'];
  if (prot !== undefined) fields['prot'] = typeof prot === 'string' ? protBits(prot) : (prot as number) & 63;
  if (event.op === 'read_dirty') fields['clear'] ??= false;
  return fields as unknown as Event;
}

describe('columns', () => {
  it.each(OPS)('give %s back', (op) => {
    fc.assert(
      fc.property(EVENTS[op], (event) => {
        const writer = new BatchWriter(() => true);
        writer.push(event, 7);
        const back = eventAt(writer.batch, 0, writer.domains.names, writer.threads.names);
        if (opCode(op) > LAST_COLUMN_OP) expect(back).toBe(event);
        else {
          expect(back).toEqual(essence(event));
          expect(essence(decodeEvent(JSON.stringify(back)))).toEqual(back);
        }
        expect(writer.batch.line[0]).toBe(7);
      }),
      { numRuns: 100 },
    );
  });
});
