import { Chalk } from 'chalk';
import { EXIT_OK, PgtraceError, usageError } from '../../base/errors.ts';
import { grouped, plural } from '../../base/sizes.ts';
import { toolVersion } from '../../library/version.ts';
import type { ReplayOptions } from '../../replay/options.ts';
import type { Replayer } from '../../replay/replayer.ts';
import { Stops } from '../../replay/stops.ts';
import { DUMP_VIEWS } from '../../report/dump/registry.ts';
import { selectSpaces } from '../../report/dump/spaces.ts';
import { importNotes } from '../../report/notes.ts';
import { statsDocument } from '../../stats/replay-document.ts';
import { readOptions } from '../options/input-options.ts';
import { allocatorChoices, driverChoices, oneFlush } from '../options/policy-choices.ts';
import { replayOptions } from '../options/replay-choices.ts';
import { type Io, terminalWidth, wantsColor } from '../process/io.ts';
import { StreamOutput } from '../process/output.ts';
import { interruptedExit } from '../process/signals.ts';
import { type ReplayRun, runReplay, writeSkipped } from '../replay/run-replay.ts';
import { type DumpCommandOptions, type DumpPlan, dumpPlan } from './dump-options.ts';

/**
 * `pgtrace dump`: replays a trace, to its end or to an event, and prints the page tables then. An input that breaks off
 * still gives the tables built before it, and then its message. Returns the exit code.
 */
export async function dumpCommand(path: string, options: DumpCommandOptions, io: Io): Promise<number> {
  const plan = dumpPlan(options);
  const last = plan.at.at(-1) ?? null;
  const replay = replayOptions(options, last);
  if (allocatorChoices(options.allocator).length > 1) {
    throw usageError('dump shows the tables of one replay; give one --allocator');
  }
  if (driverChoices(options.driver).length > 1) {
    throw usageError('dump shows the tables of one replay; give one --driver');
  }
  oneFlush('dump', options.flush);
  // What waits in a queue runs before a look at the end, and must not for those that come later.
  if (plan.at.length > 1 && replay.queue !== null) {
    throw usageError('--at takes one event where operations wait in a queue');
  }
  const output = new StreamOutput(io.stdout);
  const show = (replayer: Replayer): void => showTables(replayer, plan, options, io, output);
  const early = plan.at.slice(0, -1);
  const run = await runReplay(path, io, readOptions(options), [replay], null, null, options.quiet === true, (first) => {
    const look = (seq: number): void => {
      writeMoment(seq, options, output);
      try {
        show(first);
      } catch (error) {
        if (!(error instanceof PgtraceError)) throw error;
        // A domain that is declared later.
        if (options.json !== true) output.write(`${error.message}\n`);
      }
    };
    if (early.length > 0) first.stopAt(new Stops(early, look));
  });
  const { replayer } = run;
  if (run.interrupted) return interruptedExit(replayer.seq, io);
  const error = inputErrorOf(run, last);
  if (last !== null && error === null && replayer.seq <= last) {
    output.close();
    throw usageError(`--at ${last}: ${eventsText(replayer.seq)}`);
  }
  try {
    if (early.length > 0 && last !== null) writeMoment(last, options, output);
    show(replayer);
    output.close();
  } catch (thrown) {
    output.close();
    // A domain that the broken input never came to declare is not the user's mistake.
    if (error === null) throw thrown;
  }
  if (options.quiet !== true) writeNotes(run, replay, io);
  if (error === null) return EXIT_OK;
  io.stderr.write(`pgtrace: ${error.text}\n`);
  return error.exitCode;
}

/** The tables as they are now, in the view that was asked for. */
function showTables(
  replayer: Replayer,
  plan: DumpPlan,
  options: DumpCommandOptions,
  io: Io,
  output: StreamOutput,
): void {
  const spaces = selectSpaces(replayer.spaces, plan.domain);
  DUMP_VIEWS[plan.view][options.json === true ? 'json' : 'text'](
    spaces,
    {
      filter: plan.filter,
      merge: plan.merge,
      explain: plan.explain,
      expand: plan.expand,
      ink: new Chalk({ level: wantsColor(options.color, io.stdout, io.env) ? 1 : 0 }),
      width: terminalWidth(io.stdout),
    },
    output,
  );
}

/** Of several looks, which one follows. */
function writeMoment(seq: number, options: DumpCommandOptions, output: StreamOutput): void {
  output.write(options.json === true ? `{"at":${seq}}\n` : `== after event ${seq} ==\n`);
}

/** The error that ended the reading, unless it lies behind the last event that is wanted. */
function inputErrorOf({ outcome, replayer }: ReplayRun, last: number | null): PgtraceError | null {
  return last !== null && replayer.seq > last ? null : outcome.error;
}

function eventsText(events: number): string {
  if (events === 0) return 'the trace has no events';
  return events === 1
    ? 'the trace has 1 event, number 0'
    : `the trace has ${grouped(events)} events, 0 to ${events - 1}`;
}

/** What the reader should know of the tables' making: assumptions, losses, skipped lines. */
function writeNotes(run: ReplayRun, replay: ReplayOptions, io: Io): void {
  const { outcome, replayer } = run;
  const say = (text: string): void => void io.stderr.write(`pgtrace: ${text}\n`);
  if (replayer.spaces.length === 0) {
    say(`note: there is no domain after ${plural(replayer.seq, 'event')}`);
  }
  const whole = replay.until === null;
  // How far the reader came beyond the event of --at depends on its buffers; what it counted is then no fact.
  if (whole || outcome.notes === null) {
    const document = statsDocument(replayer, outcome, replay, toolVersion());
    for (const note of importNotes(document, true)) say(`note: ${note}`);
  }
  if (whole) writeSkipped(outcome, io);
}
