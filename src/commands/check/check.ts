import { nearest } from '../../base/edit-distance.ts';
import { EXIT_INTERRUPTED, EXIT_NO, EXIT_OK, usageError } from '../../base/errors.ts';
import { type Json, stableJson } from '../../base/stable-json.ts';
import { LEVELS } from '../../check/rules.ts';
import { toolVersion } from '../../library/version.ts';
import { RULE_NAMES, ruleOf } from '../../replay/checks/rule-book.ts';
import type { ReplayOptions } from '../../replay/options.ts';
import type { FindingKind } from '../../replay/results/findings.ts';
import { CHECK_REPORTERS } from '../../report/check/registry.ts';
import { type CheckedTrace, type CheckResult, countOf, isAtLeast } from '../../report/check/result.ts';
import { rulesText } from '../../report/check/text.ts';
import { readOptions } from '../options/input-options.ts';
import { allocatorChoices, driverChoices, oneFlush } from '../options/policy-choices.ts';
import { replayOptions } from '../options/replay-choices.ts';
import { type Io, terminalWidth } from '../process/io.ts';
import { interruptedExit } from '../process/signals.ts';
import { runReplay, writeSkipped } from '../replay/run-replay.ts';
import { ReportOutputs, type ReportRequest, styleFor } from '../reports/outputs.ts';
import { reportRequests, STDOUT } from '../reports/report-options.ts';
import { type CheckCommandOptions, checkOptions } from './check-options.ts';
import { checkedTrace } from './checked-trace.ts';

const DEFAULT_LIMIT = 5;

/** `pgtrace check`: replays traces and holds their operations against each other. Returns the exit code: 1 when the answer is no. */
export async function checkCommand(paths: readonly string[], options: CheckCommandOptions, io: Io): Promise<number> {
  const rules = wantedRules(options.rule);
  if (options.listRules === true) {
    listRules(paths, rules, options, io);
    return EXIT_OK;
  }
  if (paths.length === 0) throw usageError('check needs a trace, or --list-rules');
  if (paths.filter((path) => path === STDOUT).length > 1) throw usageError('standard input can be checked once only');
  const limit = parseLimit(options.limit);
  const replay = checkingOptions(options);
  const outputs = checkOutputs(paths, options, io);
  const traces: CheckedTrace[] = [];
  let code = EXIT_OK;
  try {
    for (const path of paths) {
      const run = await runReplay(path, io, readOptions(options), [replay], null, null, options.quiet === true);
      if (options.quiet !== true) writeSkipped(run.outcome, io);
      if (run.interrupted) code = interruptedExit(run.replayer.seq, io);
      else if (run.outcome.error !== null) {
        io.stderr.write(`pgtrace: ${run.outcome.error.text}\n`);
        code = Math.max(code, run.outcome.error.exitCode);
      }
      // Of an input that gave nothing the message says all.
      if (run.outcome.error === null || run.replayer.spaces.length > 0) traces.push(checkedTrace(run, rules));
      if (code === EXIT_INTERRUPTED) break;
    }
    if (traces.length === 0) {
      outputs.discard();
      return code;
    }
    const result = resultOf(traces, rules, limit, options);
    const toStdout = !outputs.takesStdout;
    outputs.write(result);
    if (toStdout) io.stdout.write(CHECK_REPORTERS[0].render(result, styleFor(io, options, io.stdout)));
    return code === EXIT_OK && result.failed ? EXIT_NO : code;
  } catch (error) {
    outputs.discard();
    throw error;
  }
}

function resultOf(
  traces: readonly CheckedTrace[],
  rules: readonly FindingKind[],
  limit: number,
  { lock, failOn }: CheckCommandOptions,
): CheckResult {
  const named = rules.map((name) => ({ name, ...ruleOf(name) }));
  const result = { version: toolVersion(), lock, failOn, failed: false, rules: named, limit, traces };
  const failed = LEVELS.some((level) => isAtLeast(level, failOn) && countOf(result, level) > 0);
  return { ...result, failed };
}

/** One replay by the options of the command line, with everything looked at. Throws a usage error. */
function checkingOptions(options: CheckCommandOptions): ReplayOptions {
  if (allocatorChoices(options.allocator).length > 1 || driverChoices(options.driver).length > 1) {
    throw usageError('check replays a trace once; give one --allocator and one --driver');
  }
  oneFlush('check', options.flush);
  return { ...replayOptions(options, null), checks: checkOptions(options) };
}

/** The rules asked for, in the order of the book. Throws a usage error for a name that is none. */
function wantedRules(names: readonly string[] | undefined): readonly FindingKind[] {
  if (names === undefined) return RULE_NAMES;
  const known: readonly string[] = RULE_NAMES;
  const bad = names.find((name) => !known.includes(name));
  if (bad === undefined) return RULE_NAMES.filter((name) => names.includes(name));
  const guess = nearest(bad, RULE_NAMES);
  const meant = guess === null ? '' : `; did you mean ${guess}?`;
  throw usageError(`--rule ${JSON.stringify(bad)} is no rule${meant} (pgtrace check --list-rules)`);
}

function listRules(
  paths: readonly string[],
  rules: readonly FindingKind[],
  options: CheckCommandOptions,
  io: Io,
): void {
  if (paths.length > 0) throw usageError('--list-rules checks nothing; leave out the traces');
  const named = rules.map((name) => ({ name, ...ruleOf(name) }));
  io.stdout.write(
    options.json === true ? `${stableJson(named as unknown as Json)}\n` : rulesText(named, terminalWidth(io.stdout)),
  );
}

function checkOutputs(paths: readonly string[], options: CheckCommandOptions, io: Io): ReportOutputs<CheckResult> {
  const requests: ReportRequest<CheckResult>[] = reportRequests(options, CHECK_REPORTERS);
  if (options.json === true && requests.some(({ path }) => path === STDOUT)) {
    throw usageError('--json writes to standard output, as another report does; give that one a file: -o FILE');
  }
  const json = CHECK_REPORTERS.find(({ name }) => name === 'json');
  if (options.json === true && json !== undefined) requests.push({ path: STDOUT, reporter: json });
  return new ReportOutputs(requests, paths, io, options);
}

function parseLimit(text: string | undefined): number {
  if (text === undefined) return DEFAULT_LIMIT;
  if (!/^\d{1,9}$/.test(text)) throw usageError('--limit takes a number of findings, 0 or more');
  return Number(text);
}
