import { Readable } from 'node:stream';
import type { PgtraceError } from '../../src/base/errors.ts';
import type { PageTable } from '../../src/lpae/page-table.ts';
import { visitEntries } from '../../src/lpae/visit.ts';
import { DEFAULT_REPLAY_OPTIONS, type ReplayOptions } from '../../src/replay/options.ts';
import { Replayer } from '../../src/replay/replayer.ts';
import { EventLog } from '../../src/replay/results/event-log.ts';
import { ResultLines } from '../../src/replay/results/result-lines.ts';
import { openTrace } from '../../src/trace/open.ts';

export type Line = Readonly<Record<string, unknown>>;

/** A replay of some events, and its result lines. */
export interface Replayed {
  readonly replayer: Replayer;
  readonly lines: readonly Line[];
}

/** How a replay is looked at. */
export interface Looking {
  /** Called when a line is complete, while the replayer stands at its event; `run` counts the option sets. */
  readonly onLine?: (line: Line, replayer: Replayer, run: number) => void;
  /** Events that cannot be replayed are handed over and left out. */
  readonly skip?: (error: PgtraceError, run: number) => void;
  /** Result lines hold the TLB callbacks. */
  readonly events?: boolean;
}

/** Replays events, or the text of a trace, under each of some options while they are read once; options left out are the usual ones. */
export async function replayEach(
  events: readonly object[] | string,
  runs: readonly Partial<ReplayOptions>[],
  { onLine, skip, events: keepEvents = false }: Looking = {},
): Promise<readonly Replayed[]> {
  const text = typeof events === 'string' ? events : events.map((event) => `${JSON.stringify(event)}\n`).join('');
  const reader = await openTrace('-', Readable.from([Buffer.from(text)]), { lenient: false, layer: null });
  const lines: Line[][] = runs.map(() => []);
  const replayers: Replayer[] = runs.map((options, run) => {
    let pending = '';
    const write = (piece: string): void => {
      pending += piece;
      if (!piece.endsWith('\n')) return;
      const line = JSON.parse(pending) as Line;
      pending = '';
      lines[run].push(line);
      onLine?.(line, replayers[run], run);
    };
    const log = keepEvents ? new EventLog() : null;
    const results = new ResultLines({ write }, log);
    const leaveOut = skip === undefined ? null : (error: PgtraceError): void => skip(error, run);
    return new Replayer({ ...DEFAULT_REPLAY_OPTIONS, ...options }, reader, results, log, leaveOut);
  });
  const outcome = await reader.read((batch) =>
    replayers.map((replayer) => replayer.consume(batch)).every((more) => more),
  );
  for (const replayer of replayers) replayer.finish();
  if (outcome.error !== null) throw outcome.error;
  return replayers.map((replayer, run) => ({ replayer, lines: lines[run] }));
}

/** As `replayEach`, once. */
export async function replayEvents(events: readonly object[], options: Partial<ReplayOptions> = {}): Promise<Replayed> {
  return (await replayEach(events, [options]))[0];
}

/** Every non-zero entry of a table as numbers: where it stands and what it holds. With `leaves` only what translates. */
export function treeNumbers(table: PageTable, leaves = false): number[] {
  const numbers: number[] = [];
  visitEntries(table, ({ level, iovaHi, iovaLo, pteHi, pteLo, kid }) => {
    if (!leaves || kid === 0) numbers.push(level, iovaHi, iovaLo, pteHi, pteLo);
    return true;
  });
  return numbers;
}
