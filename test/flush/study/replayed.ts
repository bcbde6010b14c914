import { Readable } from 'node:stream';
import { chooseModel, type ModelChoice } from '../../../src/base/model.ts';
import { FLUSH_POLICIES } from '../../../src/flush/registry.ts';
import { DEFAULT_REPLAY_OPTIONS, type ReplayOptions } from '../../../src/replay/options.ts';
import { Replayer } from '../../../src/replay/replayer.ts';
import type { EventLog } from '../../../src/replay/results/event-log.ts';
import { type FlushPolicyStats, flushPolicyStats } from '../../../src/stats/metrics/flush-metrics.ts';
import { openTrace } from '../../../src/trace/open.ts';

/** A policy as the command line names it. */
export function choice(text: string): ModelChoice {
  const chosen = chooseModel(text, FLUSH_POLICIES);
  if (typeof chosen === 'string') throw new Error(chosen);
  return chosen;
}

/** Replays events; those that cannot be are left out. */
export async function replay(
  events: readonly object[],
  options: Partial<ReplayOptions>,
  log: EventLog | null = null,
  prepare: (replayer: Replayer) => void = () => {},
): Promise<Replayer> {
  const text = events.map((event) => `${JSON.stringify(event)}\n`).join('');
  const reader = await openTrace('-', Readable.from([Buffer.from(text)]), { lenient: false, layer: null });
  const replayer = new Replayer({ ...DEFAULT_REPLAY_OPTIONS, ...options }, reader, null, log, () => {});
  prepare(replayer);
  const outcome = await reader.read((batch) => replayer.consume(batch));
  if (outcome.error !== null) throw outcome.error;
  replayer.finish();
  return replayer;
}

/** What each policy came to. */
export async function studied(
  events: readonly object[],
  policies: readonly ModelChoice[],
  options: Partial<ReplayOptions> = {},
): Promise<readonly FlushPolicyStats[]> {
  return flushPolicyStats(await replay(events, { ...options, flushes: policies })) ?? [];
}
