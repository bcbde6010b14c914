import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_REPLAY_OPTIONS, type ReplayOptions } from '../../src/replay/options.ts';
import { Replayer } from '../../src/replay/replayer.ts';
import { statsDocument } from '../../src/stats/replay-document.ts';
import { openTrace } from '../../src/trace/open.ts';
import { randomTraces, type TraceEvent } from './random-trace.ts';
import { treeNumbers } from './run.ts';

/** Events with times, ends and recorded returns here and there, which the short way leaves to the long one. */
function dressed(events: readonly TraceEvent[], marks: readonly number[]): TraceEvent[] {
  return events.map((event, i) => {
    const mark = marks[i % marks.length];
    const timed = mark >= 2 ? { ts: i * 100, ...(mark >= 5 ? { end: i * 100 + mark * 40 } : {}) } : {};
    const returns = event.op === 'map' && mark === 6 ? { ret: 0 } : {};
    const gather = event.op === 'unmap' && mark === 4 ? { gather: 'queued' } : {};
    return { ...event, ...timed, ...returns, ...gather };
  });
}

/** All that a replay leaves behind; with somebody who looks on, everything goes the long way. */
async function replayed(
  events: readonly TraceEvent[],
  options: Partial<ReplayOptions>,
  watched: boolean,
): Promise<string> {
  const text = events.map((event) => `${JSON.stringify(event)}\n`).join('');
  const reader = await openTrace('-', Readable.from([Buffer.from(text)]), { lenient: false, layer: null });
  const left: string[] = [];
  const replayOptions = { ...DEFAULT_REPLAY_OPTIONS, ...options };
  const replayer = new Replayer(replayOptions, reader, null, null, (error) => {
    left.push(error.text);
  });
  if (watched) replayer.observe({ began: () => {}, ended: () => {} });
  const outcome = await reader.read((batch) => replayer.consume(batch));
  replayer.finish();
  const tables = replayer.spaces.map(({ table }) => (table === null ? null : treeNumbers(table)));
  return JSON.stringify([statsDocument(replayer, outcome, replayOptions, 'test'), tables, left, replayer.seq]);
}

const OPTIONS: readonly Partial<ReplayOptions>[] = [
  {},
  { allocator: { name: 'reserve', parameters: {} } },
  { allocator: { name: 'mempool', parameters: {} } },
  { until: 20 },
];

describe('the short way of plain operations', () => {
  test('leaves behind what the long way does', async () => {
    const traces = fc.tuple(
      randomTraces({ jobs: 'waiting', ranges: true, destroys: true }),
      fc.array(fc.nat(7), { minLength: 3, maxLength: 9 }),
    );
    for (const [{ events }, marks] of fc.sample(traces, { seed: 20261121, numRuns: 20 })) {
      for (const options of OPTIONS) {
        for (const some of [events, dressed(events, marks)]) {
          expect(await replayed(some, options, false)).toBe(await replayed(some, options, true));
        }
      }
    }
  });
});
