import { EXIT_NO, EXIT_OK, inputError, type PgtraceError, usageError } from '../../base/errors.ts';
import { grouped, plural } from '../../base/sizes.ts';
import type { Trials } from '../../reduce/ddmin.ts';
import { HeldTrace } from '../../reduce/held-trace.ts';
import { type Hint, reduceTrace } from '../../reduce/reduce.ts';
import { type Event, LANGUAGE_VERSION, OP_TRACE } from '../../trace/events.ts';
import { openTrace, type ReadOutcome } from '../../trace/open.ts';
import { checkOptions } from '../check/check-options.ts';
import { readOptions } from '../options/input-options.ts';
import { allocatorChoices, driverChoices, oneFlush } from '../options/policy-choices.ts';
import { replayOptions } from '../options/replay-choices.ts';
import type { Io } from '../process/io.ts';
import { type ClosableOutput, FileOutput, isSameFile, StreamOutput } from '../process/output.ts';
import { Progress } from '../process/progress.ts';
import { type Interrupt, interruptedExit, listenForInterrupt } from '../process/signals.ts';
import { StatusLine } from '../process/status-line.ts';
import { writeSkipped } from '../replay/run-replay.ts';
import { CommandTrial, encodeEvents } from './command-trial.ts';
import { isOfCheck, optionsFor, parseCondition } from './conditions.ts';
import type { ReduceCommandOptions } from './reduce-options.ts';
import { ReplayTrial, type Trial } from './replay-trial.ts';

const DEFAULT_REPLAYS = 500;
const MOST_REPLAYS = 1_000_000;
/** Events that are held in memory at most. */
const MOST_EVENTS = 8_000_000;

/**
 * `pgtrace reduce`: writes the smallest part of a trace that it finds to still show something. Returns the exit code.
 * `ofCheck`: an option about what `pgtrace check` finds that was given; null when none was.
 */
export async function reduceCommand(
  path: string,
  options: ReduceCommandOptions,
  io: Io,
  ofCheck: string | null,
): Promise<number> {
  const conditions = (options.keep ?? []).map(parseCondition);
  refuseContradictions(path, options);
  if (ofCheck !== null && !conditions.some(isOfCheck)) {
    throw usageError(
      `${ofCheck} is for findings of \`pgtrace check\`, and none is to be kept; add --keep finding:RULE of its rules, or leave out ${ofCheck}`,
    );
  }
  const budget = new Budget(parseReplays(options.maxReplays), options.keepIf === undefined ? 'replay' : 'run');
  oneFlush('reduce', options.flush);
  const replay = optionsFor(conditions, replayOptions(options, null), checkOptions(options));
  let trial: Trial | null = null;
  const interrupt = listenForInterrupt(io, () => {
    if (path === '-') io.stdin.destroy();
    if (trial instanceof CommandTrial) trial.stop();
  });
  try {
    const { trace, outcome, name } = await readTrace(path, options, io, interrupt);
    if (options.quiet !== true) writeSkipped(outcome, io);
    if (interrupt.asked) return interruptedExit(trace.length, io);
    const error = outcome.error ?? (trace.length === 0 ? empty(name) : null);
    if (error !== null) return told(error, io);
    const output = openOutput(options.output, io);
    try {
      if (options.keepIf === undefined)
        trial = new ReplayTrial(trace, name, conditions, replay, options.lenient === true);
      else trial = new CommandTrial(trace, options.keepIf);
      return await reduceHeld(trace, trial, budget, interrupt, options, io, output);
    } catch (thrown) {
      output.discard();
      throw thrown;
    }
  } finally {
    interrupt.stop();
    if (trial instanceof CommandTrial) trial.close();
  }
}

async function reduceHeld(
  trace: HeldTrace,
  trial: Trial,
  budget: Budget,
  interrupt: Interrupt,
  options: ReduceCommandOptions,
  io: Io,
  output: ClosableOutput,
): Promise<number> {
  const kept = [...(options.keep ?? []), ...(options.keepIf === undefined ? [] : [options.keepIf])];
  const whole = await wholeTrace(trace, trial, budget);
  if (!whole.shows) {
    output.discard();
    const instead = whole.found.length === 0 ? '' : `; it shows ${whole.found.join(', ')}`;
    io.stderr.write(`pgtrace: the trace does not show ${kept.join(' and ')}${instead}\n`);
    return EXIT_NO;
  }
  const line = new StatusLine(io.stderr, options.quiet === true);
  let left = trace.length;
  let replayed = 0;
  const asked = async (events: number, work: () => Promise<boolean>): Promise<boolean> => {
    line.update((seconds) => {
      const rate = grouped(Math.round(replayed / seconds));
      return `${grouped(left)} events left, ${plural(budget.used, budget.what)}, ${rate} events/s`;
    });
    // Signals are delivered between turns of the event loop only.
    await new Promise(setImmediate);
    if (interrupt.asked) return false;
    budget.used++;
    replayed += events;
    return (await work()) && !interrupt.asked;
  };
  const trials: Trials = {
    get goOn(): boolean {
      return !interrupt.asked && budget.left > 0;
    },
  };
  const events = await reduceTrace(
    trace,
    {
      trials,
      part: (indices) => asked(indices.length, () => trial.part(indices)),
      events: (some) => asked(some.length, () => trial.events(some)),
      left: (count) => {
        left = count;
      },
    },
    whole.hint,
  );
  line.done();
  output.writeBytes(encodeEvents(withComment(events, `still shows ${kept.join(' and ')}`)));
  output.close();
  if (options.quiet !== true)
    io.stderr.write(
      summary(eventsIn(trace), events.filter(({ op }) => op !== 'trace').length, budget, kept, interrupt.asked),
    );
  return interrupt.asked ? interruptedExit(trace.length, io) : EXIT_OK;
}

async function wholeTrace(
  trace: HeldTrace,
  trial: Trial,
  budget: Budget,
): Promise<{ readonly shows: boolean; readonly hint: Hint | null; readonly found: readonly string[] }> {
  budget.used++;
  if (trial instanceof ReplayTrial) return trial.whole();
  const all = Array.from({ length: trace.length }, (_, index) => index);
  return { shows: await trial.part(all), hint: null, found: [] };
}

/** How often a part of the trace may be tried. */
class Budget {
  used = 0;
  readonly #most: number;
  readonly what: string;

  constructor(most: number, what: string) {
    this.#most = most;
    this.what = what;
  }

  get left(): number {
    return this.#most - this.used;
  }
}

async function readTrace(
  path: string,
  options: ReduceCommandOptions,
  io: Io,
  interrupt: Interrupt,
): Promise<{ readonly trace: HeldTrace; readonly outcome: ReadOutcome; readonly name: string }> {
  const reader = await openTrace(path, io.stdin, readOptions(options));
  const trace = new HeldTrace(reader);
  const progress = new Progress(io.stderr, reader, options.quiet === true);
  try {
    const outcome = await reader.read(
      (batch) => {
        trace.hold(batch);
        return trace.length <= MOST_EVENTS;
      },
      async () => {
        progress.update(trace.length);
        await new Promise(setImmediate);
        return !interrupt.asked;
      },
    );
    if (trace.length > MOST_EVENTS) {
      throw inputError(
        `${reader.name} has more than ${grouped(MOST_EVENTS)} events, which are held in memory; give a part of it`,
      );
    }
    return { trace, outcome, name: reader.name };
  } finally {
    progress.done();
  }
}

/** The events with a word at their beginning on what they are. */
function withComment(events: readonly Event[], comment: string): readonly Event[] {
  const [first, ...rest] = events;
  if (first?.op === 'trace') return [{ ...first, comment }, ...rest];
  return [{ op: 'trace', version: LANGUAGE_VERSION, comment }, ...events];
}

/** Events of a trace but for its headers, which are about the trace. */
function eventsIn(trace: HeldTrace): number {
  let count = 0;
  trace.each((batch, i) => {
    if (batch.op[i] !== OP_TRACE) count++;
  });
  return count;
}

function summary(before: number, after: number, budget: Budget, kept: readonly string[], interrupted: boolean): string {
  const done = `pgtrace: ${plural(before, 'event')} reduced to ${grouped(after)} in ${plural(budget.used, budget.what)}; still shows ${kept.join(' and ')}\n`;
  if (interrupted || budget.left > 0) return done;
  return `${done}pgtrace: stopped after ${plural(budget.used, budget.what)}, there may be a smaller one; --max-replays allows more\n`;
}

function refuseContradictions(path: string, options: ReduceCommandOptions): void {
  const { keep, keepIf, output } = options;
  if (keep === undefined && keepIf === undefined) {
    throw usageError('reduce takes what is to be kept: --keep finding:KIND, or --keep-if COMMAND');
  }
  if (keep !== undefined && keepIf !== undefined) throw usageError('--keep and --keep-if exclude each other');
  if (keepIf?.trim() === '') throw usageError('--keep-if takes a command; found nothing');
  if (allocatorChoices(options.allocator).length > 1) throw usageError('reduce takes one --allocator');
  if (driverChoices(options.driver).length > 1) throw usageError('reduce takes one --driver');
  if (output !== undefined && output !== '-' && path !== '-' && isSameFile(output, path)) {
    throw usageError(`-o ${output} is the trace itself; name another file`);
  }
}

function parseReplays(text: string | undefined): number {
  if (text === undefined) return DEFAULT_REPLAYS;
  const most = Number(text);
  if (!/^\d{1,7}$/.test(text) || most < 1 || most > MOST_REPLAYS) {
    throw usageError(`--max-replays takes a number, 1 to ${MOST_REPLAYS}; found ${JSON.stringify(text)}`);
  }
  return most;
}

function openOutput(path: string | undefined, io: Io): ClosableOutput {
  return path === undefined || path === '-' ? new StreamOutput(io.stdout, 'drop') : new FileOutput(path);
}

function empty(name: string): PgtraceError {
  return inputError('the trace is empty', { file: name, line: 1, column: 1 });
}

function told(error: PgtraceError, io: Io): number {
  io.stderr.write(`pgtrace: ${error.text}\n`);
  return error.exitCode;
}
