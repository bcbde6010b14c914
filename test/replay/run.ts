import { Readable } from 'node:stream';
import { DEFAULT_REPLAY_OPTIONS, type ReplayOptions } from '../../src/replay/options.ts';
import { Replayer } from '../../src/replay/replayer.ts';
import { ResultLines } from '../../src/replay/result-lines.ts';
import { openTrace } from '../../src/trace/open.ts';

/** A replay of some events, and its result lines. */
export interface Replayed {
  readonly replayer: Replayer;
  readonly lines: readonly Record<string, unknown>[];
}

/** Replays events under each of some options while they are read once; options left out are the usual ones. */
export async function replayEach(
  events: readonly object[],
  runs: readonly Partial<ReplayOptions>[],
): Promise<readonly Replayed[]> {
  const text = events.map((event) => `${JSON.stringify(event)}\n`).join('');
  const reader = await openTrace('-', Readable.from([Buffer.from(text)]), { lenient: false, layer: null });
  const outputs: string[][] = runs.map(() => []);
  const replayers = runs.map((options, i) => {
    const results = new ResultLines({ write: (piece: string) => void outputs[i].push(piece) }, null);
    return new Replayer({ ...DEFAULT_REPLAY_OPTIONS, ...options }, reader, results, null);
  });
  const outcome = await reader.read((batch) =>
    replayers.map((replayer) => replayer.consume(batch)).every((more) => more),
  );
  for (const replayer of replayers) replayer.finish();
  if (outcome.error !== null) throw outcome.error;
  return replayers.map((replayer, i) => ({
    replayer,
    lines: outputs[i]
      .join('')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>),
  }));
}

/** As `replayEach`, once. */
export async function replayEvents(events: readonly object[], options: Partial<ReplayOptions> = {}): Promise<Replayed> {
  return (await replayEach(events, [options]))[0];
}
