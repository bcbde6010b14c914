import { once } from 'node:events';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex64, hexHi, hexLo } from '../../src/base/u64.ts';
import { Batch, copyEvent, FLAG_HAS_END, FLAG_HAS_TS, NONE } from '../../src/trace/batch.ts';
import { BatchWriter } from '../../src/trace/batch-writer.ts';
import { type Event, LAST_COLUMN_OP, OPS, opCode } from '../../src/trace/events.ts';
import { protBits } from '../../src/trace/ndjson/checks.ts';
import { decodeEvent } from '../../src/trace/ndjson/decode.ts';
import { type EventNames, eventAt, eventWriter } from '../../src/trace/ndjson/encode.ts';
import { openTrace } from '../../src/trace/open.ts';
import { anyEvent, EVENTS } from './arbitraries.ts';
import { readRows, rowAt } from './rows.ts';

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
  delete fields['comment'];
  for (const key of ['iova', 'paddr']) {
    const text = fields[key];
    if (typeof text === 'string') fields[key] = hex64(hexHi(text), hexLo(text));
  }
  for (const key of ['thread', 'queue']) if (fields[key] !== undefined) fields[key] = String(fields[key]);
  const prot = fields['prot'];
  if (prot !== undefined) fields['prot'] = typeof prot === 'string' ? protBits(prot) : (prot as number) & 63;
  // Not asked for and left out are the same.
  if (fields['contig'] === false) delete fields['contig'];
  if (fields['sw'] === 0) delete fields['sw'];
  if (event.op === 'read_dirty') fields['clear'] ??= false;
  return fields as unknown as Event;
}

function namesOf({ domains, threads, queues }: BatchWriter): EventNames {
  return { domains: domains.names, threads: threads.names, queues: queues.names };
}

describe('columns', () => {
  it.each(OPS)('give %s back', (op) => {
    fc.assert(
      fc.property(EVENTS[op], (event) => {
        const writer = new BatchWriter(() => true);
        writer.push(event, 7);
        const back = eventAt(writer.batch, 0, namesOf(writer));
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

  it.each(OPS)('give %s back from a copy, whatever lay there before', (op) => {
    fc.assert(
      fc.property(EVENTS[op], anyEvent, (event, before) => {
        const writer = new BatchWriter(() => true);
        writer.push(before, 1);
        writer.push(event, 2);
        const ring = new Batch();
        copyEvent(writer.batch, 0, ring, 5);
        copyEvent(writer.batch, 1, ring, 5);
        ring.length = 6;
        const names = namesOf(writer);
        expect(rowAt(ring, 5, writer)).toEqual(rowAt(writer.batch, 1, writer));
        expect(eventAt(ring, 5, names)).toEqual(eventAt(writer.batch, 1, names));
        expect(ring.objects.size).toBe(opCode(op) > LAST_COLUMN_OP ? 1 : 0);
      }),
      { numRuns: 40 },
    );
  });

  it('are all copied', () => {
    const [from, to] = [new Batch(), new Batch()];
    const columns = Object.entries(from).filter(([, column]) => ArrayBuffer.isView(column)) as [
      keyof Batch,
      Uint8Array,
    ][];
    expect(columns.length).toBeGreaterThanOrEqual(16);
    for (const [n, [, column]] of columns.entries()) column.fill(n + 1);
    copyEvent(from, 3, to, 9);
    for (const [key, column] of columns) {
      const copy = to[key] as unknown as Uint8Array;
      expect([copy[8], copy[9], copy[10]]).toEqual([0, column[3], 0]);
    }
  });
});

describe('times and queues', () => {
  const slow = (event: object): Batch => {
    const writer = new BatchWriter(() => true);
    writer.push(decodeEvent(JSON.stringify(event)), 1);
    return writer.batch;
  };

  it.each([
    ['a column op', { op: 'walk', iova: '0x1000' }],
    ['an object op', { op: 'exec', job: 'j' }],
  ])('are columns of %s', (_, event) => {
    const all = slow({ ...event, ts: 5, end: 7, queue: 3 });
    expect([all.ts[0], all.end[0], all.queue[0]]).toEqual([5, 7, 0]);
    expect(all.flags[0] & (FLAG_HAS_TS | FLAG_HAS_END)).toBe(FLAG_HAS_TS | FLAG_HAS_END);
    const zero = slow({ ...event, ts: 0 });
    expect([zero.ts[0], zero.end[0], zero.queue[0]]).toEqual([0, 0, NONE]);
    expect(zero.flags[0] & (FLAG_HAS_TS | FLAG_HAS_END)).toBe(FLAG_HAS_TS);
  });

  it('reach the consumer of a reader by name', async () => {
    const text = '{"op":"walk","iova":"0x0","queue":"copy"}\n{"op":"exec","job":1,"queue":7,"thread":"copy"}\n';
    const reader = await openTrace('-', Readable.from([Buffer.from(text)]), { layer: null, lenient: false });
    const seen: unknown[] = [];
    await reader.read((batch) => {
      for (let i = 0; i < batch.length; i++) seen.push(reader.queues[batch.queue[i]]);
      return true;
    });
    expect(seen).toEqual(['copy', '7']);
    expect([reader.queues, reader.threads]).toEqual([['copy', '7'], ['copy']]);
  });
});
