/** Replays with and without a recording, and a naive record beside it: every address space looked at after every event. */
import { Readable } from 'node:stream';
import { vi } from 'vitest';
import { DEFAULT_REPLAY_OPTIONS, type ReplayOptions } from '../../../src/replay/options.ts';
import { Replayer } from '../../../src/replay/replayer.ts';
import { TimelineRecorder } from '../../../src/replay/timeline/recorder.ts';
import type { StatsDocument } from '../../../src/stats/document.ts';
import { countersOf } from '../../../src/stats/metrics/metrics.ts';
import { statsDocument } from '../../../src/stats/replay-document.ts';
import { openTrace } from '../../../src/trace/open.ts';

export const COUNT_KEYS = [
  'tables.allocated',
  'tables.freed',
  'blocks.split',
  'tlb.flushWalks',
  'tlb.iotlbSyncs',
  'tlb.addPages',
  'tlb.flushAlls',
  'walker.ptSyncs',
  'warns.total',
  'tlb.commands',
  'tlb.commandSyncs',
  'alloc.calls',
];
const LIVE_KEYS = ['tables.live', 'memory.occupied', 'mapped.live'];

/** Sums over the address spaces after each event, in the order of the trace; the last row is that of the end. */
export type Rows = Record<string, number>[];

/** A trace on disk, or events. */
export type Source = string | readonly object[];

export async function replayed(
  source: Source,
  options: Partial<ReplayOptions>,
): Promise<{ readonly document: StatsDocument; readonly replayer: Replayer }> {
  const lines = typeof source === 'string' ? '' : source.map((event) => `${JSON.stringify(event)}\n`).join('');
  const path = typeof source === 'string' ? source : '-';
  const reader = await openTrace(path, Readable.from([Buffer.from(lines)]), { lenient: true, layer: null });
  const all = { ...DEFAULT_REPLAY_OPTIONS, ...options };
  const replayer = new Replayer(all, reader, null, null, () => {});
  const outcome = await reader.read((batch) => replayer.consume(batch));
  replayer.finish();
  return { document: statsDocument(replayer, outcome, all, 'test'), replayer };
}

/** As `replayed` with a recording, and the naive record. */
export async function naively(
  source: Source,
  options: Partial<ReplayOptions>,
): Promise<{ readonly document: StatsDocument; readonly rows: Rows; readonly replayer: Replayer }> {
  const rows: Rows = [];
  let created: Parameters<TimelineRecorder['created']>[0][] = [];
  const look = (spaces: Parameters<TimelineRecorder['finish']>[0]): void => {
    const row: Record<string, number> = {};
    for (const space of spaces) {
      const counters = countersOf(space);
      for (const key of [...COUNT_KEYS, ...LIVE_KEYS]) row[key] = (row[key] ?? 0) + counters[key];
    }
    rows.push(row);
  };
  const { event, created: create, finish } = TimelineRecorder.prototype;
  const spies = [
    vi.spyOn(TimelineRecorder.prototype, 'created').mockImplementation(function (this: TimelineRecorder, space) {
      created = [...created, space];
      create.call(this, space);
    }),
    vi.spyOn(TimelineRecorder.prototype, 'event').mockImplementation(function (this: TimelineRecorder, batch, i) {
      event.call(this, batch, i);
      look(created);
    }),
    vi.spyOn(TimelineRecorder.prototype, 'finish').mockImplementation(function (this: TimelineRecorder, spaces) {
      finish.call(this, spaces);
    }),
  ];
  try {
    const { document, replayer } = await replayed(source, { ...options, timeline: true });
    look(replayer.spaces);
    return { document, rows, replayer };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
