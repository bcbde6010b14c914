import { PgtraceError } from '../../base/errors.ts';
import { TableMemoryExhausted } from '../../lpae/table/memory.ts';
import { feedEvents, type HeldTrace } from '../../reduce/held-trace.ts';
import type { Hint } from '../../reduce/reduce.ts';
import type { ReplayOptions } from '../../replay/options.ts';
import { Replayer } from '../../replay/replayer.ts';
import type { TraceNames } from '../../replay/spaces/space-directory.ts';
import type { Batch } from '../../trace/batch.ts';
import type { Event } from '../../trace/events.ts';
import type { Condition } from './conditions.ts';

/** Tries parts of a trace: true where one still shows what is to be kept. */
export interface Trial {
  part(indices: readonly number[]): Promise<boolean>;
  events(events: readonly Event[]): Promise<boolean>;
}

/** Replays parts of a trace in memory and holds conditions against what came of it. */
export class ReplayTrial implements Trial {
  readonly #trace: HeldTrace;
  readonly #name: string;
  readonly #conditions: readonly Condition[];
  readonly #options: ReplayOptions;
  readonly #skip: boolean;

  /** `skip`: events that cannot be replayed are left out instead of ending the replay. */
  constructor(trace: HeldTrace, name: string, conditions: readonly Condition[], options: ReplayOptions, skip: boolean) {
    this.#trace = trace;
    this.#name = name;
    this.#conditions = conditions;
    this.#options = options;
    this.#skip = skip;
  }

  part(indices: readonly number[]): Promise<boolean> {
    return Promise.resolve(this.#replayPart(indices).shows);
  }

  events(events: readonly Event[]): Promise<boolean> {
    const replay = this.#begin();
    feedEvents(events, (batch, names) => replay.take(batch, { ...names, name: this.#name }));
    return Promise.resolve(replay.end().shows);
  }

  /** Replays the whole trace: whether it shows what is to be kept, where, and what it shows instead. */
  whole(): { readonly shows: boolean; readonly hint: Hint | null; readonly found: string[] } {
    const all = Array.from({ length: this.#trace.length }, (_, index) => index);
    const { shows, replayer } = this.#replayPart(all);
    if (replayer === null) return { shows, hint: null, found: [] };
    const found = [...replayer.findings.counts.keys()].map((kind) => `finding:${kind}`);
    return { shows, hint: shows ? this.#hint(replayer) : null, found };
  }

  /** Where it shows: after the last of the events that one of the conditions is about. */
  #hint(replayer: Replayer): Hint | null {
    const hints = this.#conditions.map((condition) => condition.hint(replayer));
    const known = hints.filter((hint) => hint !== null);
    if (known.length === 0 || known.length < hints.length) return null;
    const [first] = known;
    const seq = Math.max(...known.map((hint) => hint.seq));
    if (known.length === 1) return first;
    const domain = known.every((hint) => hint.domain === first.domain) ? first.domain : null;
    return { seq, domain, range: null };
  }

  #replayPart(indices: readonly number[]): Outcome {
    const replay = this.#begin();
    const names = { ...this.#trace.names, name: this.#name };
    this.#trace.feed(indices, (batch) => replay.take(batch, names));
    return replay.end();
  }

  #begin(): TriedReplay {
    return new TriedReplay(this.#conditions, this.#options, this.#skip);
  }
}

interface Outcome {
  readonly shows: boolean;
  /** Null: there was no event. */
  readonly replayer: Replayer | null;
}

/** One replay, until all conditions hold or nothing is left. */
class TriedReplay {
  readonly #conditions: readonly Condition[];
  readonly #options: ReplayOptions;
  readonly #skip: boolean;
  #replayer: Replayer | null = null;
  #error: PgtraceError | null = null;
  #shows = false;

  constructor(conditions: readonly Condition[], options: ReplayOptions, skip: boolean) {
    this.#conditions = conditions;
    this.#options = options;
    this.#skip = skip;
  }

  /** False when no more is needed. */
  take(batch: Batch, names: TraceNames): boolean {
    this.#replayer ??= new Replayer(this.#options, names, null, null, this.#skip ? () => {} : null);
    const replayer = this.#replayer;
    const more = this.#guarded(() => replayer.consume(batch));
    this.#shows = this.#error === null && this.#judged(false);
    return more && !this.#shows;
  }

  end(): Outcome {
    const replayer = this.#replayer;
    if (replayer === null || this.#shows) return { shows: this.#shows, replayer };
    if (this.#error === null) {
      this.#guarded(() => {
        replayer.finish();
        return true;
      });
    }
    return { shows: this.#judged(true), replayer };
  }

  #judged(ended: boolean): boolean {
    const replayer = this.#replayer;
    if (replayer === null) return false;
    const seen = { replayer, options: this.#options, ended, error: this.#error };
    // A part that cannot be replayed is no smaller trace, unless that is what is to be kept.
    if (this.#error !== null && this.#conditions.some(({ kind }) => kind !== null)) return false;
    return this.#conditions.every((condition) => condition.holds(seen));
  }

  #guarded(work: () => boolean): boolean {
    try {
      return work();
    } catch (error) {
      if (error instanceof TableMemoryExhausted) this.#error = new PgtraceError(4, error.message);
      else if (error instanceof PgtraceError) this.#error = error;
      else throw error;
      return false;
    }
  }
}
