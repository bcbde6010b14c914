import { sizesBitmap } from '../base/sizes.ts';
import type { Driver, Format, Kernel, PartialUnmap } from '../base/vocabulary.ts';
import { DRIVERS } from '../base/vocabulary.ts';
import {
  CONFLICT_POLICIES,
  type ConflictPolicy,
  DEFAULT_REPLAY_OPTIONS,
  type ReplayOptions,
} from '../replay/options.ts';
import { replayAll } from '../replay/replay-all.ts';
import { Replayer } from '../replay/replayer.ts';
import type { StatsDocument } from '../stats/document.ts';
import { statsDocument } from '../stats/replay-document.ts';
import { count, flag, oneOf } from '../trace/ndjson/checks.ts';
import { allocatorOf, flushOf } from './models.ts';
import { type Checks, checkOptions, TABLE_CHECKS } from './options.ts';
import type { Trace } from './trace.ts';
import { toolVersion } from './version.ts';

/** What a trace is replayed with, in the words of the command line; what is left out is as the trace says. */
export interface ReplayChoices {
  /** Kernel whose engine is modelled; the trace's own unless it says, else `7.1`. */
  readonly kernel?: Kernel;
  /** `NAME,k=v`. */
  readonly allocator?: string;
  /** TLB flush policy as `NAME,k=v`. */
  readonly flush?: string;
  /** Binds by the rules of this driver. */
  readonly driver?: Driver;
  /** What an unmap of a part of a block does; as that kernel does unless it says. */
  readonly partialUnmap?: PartialUnmap;
  /** What becomes of a recorded event that those before it contradict; `implicit-unmap` unless it says. */
  readonly onConflict?: ConflictPolicy;
  /** Add what happened along the way. */
  readonly timeline?: boolean;
  /** Stop after the event with this number. */
  readonly until?: number;
  /** Overrides for every domain of the trace. */
  readonly format?: Format;
  /** Page sizes in bytes. */
  readonly pgsizes?: readonly number[];
  /** Bits of an IOVA. */
  readonly ias?: number;
  /** Bits of a physical address. */
  readonly oas?: number;
  /** The table walker snoops the caches. */
  readonly coherent?: boolean;
}

/**
 * Replays a trace and gives its statistics: the document that `pgtrace replay --json` prints. Throws PgtraceError where the
 * input cannot be used (exit code 3), a choice is not known (2) or memory runs out (4).
 * @param trace - a trace that has not been read yet
 * @param choices - what it is replayed with
 */
export async function replay(trace: Trace, choices: ReplayChoices = {}): Promise<StatsDocument> {
  let options: ReplayOptions;
  try {
    options = optionsOf(choices);
  } catch (error) {
    await trace.close();
    throw error;
  }
  const { reader } = trace;
  const replayer = new Replayer(options, reader, null, null);
  const outcome = await replayAll(reader, [replayer]);
  if (outcome.error !== null) throw outcome.error;
  return statsDocument(replayer, outcome, options, toolVersion());
}

const REPLAY_CHECKS: Checks<ReplayChoices> = {
  ...TABLE_CHECKS,
  driver: oneOf(DRIVERS),
  onConflict: oneOf(CONFLICT_POLICIES),
  timeline: flag,
  until: count,
};

function optionsOf(choices: ReplayChoices): ReplayOptions {
  checkOptions('replay', choices, REPLAY_CHECKS);
  const { kernel, allocator, flush, driver, partialUnmap, onConflict, timeline, until } = choices;
  const { format, pgsizes, ias, oas, coherent } = choices;
  return {
    ...DEFAULT_REPLAY_OPTIONS,
    kernel: kernel ?? null,
    allocator: allocator === undefined ? null : allocatorOf(allocator),
    flush: flush === undefined ? null : flushOf(flush),
    driver: driver ?? null,
    partialUnmap: partialUnmap ?? null,
    onConflict: onConflict ?? DEFAULT_REPLAY_OPTIONS.onConflict,
    timeline: timeline ?? false,
    until: until ?? null,
    overrides: {
      ...(format === undefined ? {} : { format }),
      ...(pgsizes === undefined ? {} : { pgsizes: sizesBitmap(pgsizes), cpuPageSize: Math.min(...pgsizes) }),
      ...(ias === undefined ? {} : { ias }),
      ...(oas === undefined ? {} : { oas }),
      ...(coherent === undefined ? {} : { coherent }),
    },
  };
}
