import { existsSync } from 'node:fs';
import { EXIT_NO, EXIT_OK, usageError } from '../../base/errors.ts';
import { toolVersion } from '../../library/version.ts';
import { COMPARE_REPORTERS } from '../../report/compare/registry.ts';
import { type CompareOptions, compareRows } from '../../stats/compare/compare.ts';
import { SettingsDiffer } from '../../stats/compare/pairs.ts';
import type { CompareResult } from '../../stats/compare/result.ts';
import type { StatsRow } from '../../stats/compare/rows.ts';
import type { Io, OutputStream } from '../process/io.ts';
import type { ReplayCommandOptions } from '../replay/replay-options.ts';
import { ReportOutputs, type ReportRequest, styleFor } from '../reports/outputs.ts';
import { type ReportCommandOptions, reportRequests, STDOUT } from '../reports/report-options.ts';
import { filesIn, isFolder } from '../reports/trace-files.ts';
import type { CompareCommandChoices } from './compare-options.ts';
import { type LoadedSide, loadSide, rowsOfEntries, type SideEntry } from './sides.ts';
import { updateBase } from './update.ts';
import { compareOptions } from './wanted.ts';

/** The options of `pgtrace compare`, as commander hands them over. */
export type CompareCommandOptions = ReplayCommandOptions &
  CompareCommandChoices &
  ReportCommandOptions & { readonly engines?: string };

/** `pgtrace compare`: holds new statistics against a base. Returns the exit code: 1 when the answer is no. */
export async function compareCommand(
  base: string,
  now: string,
  options: CompareCommandOptions,
  io: Io,
): Promise<number> {
  if (base === '-' && now === '-') throw usageError('standard input can be read once only; give one of them a file');
  const wanted = compareOptions(options);
  const outputs = compareOutputs(options, [...filesOf(base), ...filesOf(now)], io);
  try {
    if (options.update === true && !existsSync(base)) {
      const side = await loadSide(now, options, io);
      updateBase({ path: base, isFolder: side.isFolder, entries: [] }, side.entries, io);
      outputs.discard();
      return EXIT_OK;
    }
    refuseMixture(base, now);
    const [left, right] = [await loadSide(base, options, io), await loadSide(now, options, io)];
    if (!left.replayed && !right.replayed) noteIdleOptions(options, io);
    const renew = options.update === true ? () => updateBase(left, right.entries, io) : null;
    return compareSides(...nameless(left, right), wanted, options, outputs, io, io.stdout, renew);
  } catch (error) {
    outputs.discard();
    throw error;
  }
}

/**
 * Compares what both sides hold, reports it, and renews the base where that was asked for; returns the exit code.
 * @param textTo - where the text goes when no output takes standard output
 */
export function compareSides(
  left: Pick<LoadedSide, 'entries'>,
  right: Pick<LoadedSide, 'entries'>,
  wanted: CompareOptions,
  choices: CompareCommandChoices & Pick<ReplayCommandOptions, 'color'>,
  outputs: ReportOutputs<CompareResult>,
  io: Io,
  textTo: OutputStream,
  renew: (() => void) | null,
): number {
  const rows = (entries: readonly SideEntry[]): StatsRow[] => rowsOfEntries(entries, choices.domains === true);
  let result: CompareResult;
  try {
    result = compareRows(rows(left.entries), rows(right.entries), wanted, toolVersion());
  } catch (error) {
    // Settings that were changed on purpose are the reason for a new base.
    if (renew === null || !(error instanceof SettingsDiffer)) throw error;
    io.stderr.write(`pgtrace: ${error.text}\n`);
    renew();
    outputs.discard();
    return EXIT_OK;
  }
  writeComparison(result, choices, outputs, io, textTo);
  renew?.();
  return result.failed && !result.warnOnly && renew === null ? EXIT_NO : EXIT_OK;
}

/** The outputs that the options name; with none of them on standard output the text goes there. */
function compareOutputs(
  options: ReportCommandOptions & ReplayCommandOptions & CompareCommandChoices,
  inputs: readonly string[],
  io: Io,
): ReportOutputs<CompareResult> {
  const requests: ReportRequest<CompareResult>[] = reportRequests(options, COMPARE_REPORTERS);
  if (options.json === true && requests.some(({ path }) => path === STDOUT)) {
    throw usageError('--json writes to standard output, as another report does; give that one a file: -o FILE');
  }
  if (options.json === true) {
    const json = COMPARE_REPORTERS.find(({ name }) => name === 'json');
    if (json !== undefined) requests.push({ path: STDOUT, reporter: json });
  }
  return new ReportOutputs(requests, inputs, io, options);
}

function writeComparison(
  result: CompareResult,
  choices: CompareCommandChoices & Pick<ReplayCommandOptions, 'color'>,
  outputs: ReportOutputs<CompareResult>,
  io: Io,
  textTo: OutputStream,
): void {
  const toStdout = !outputs.takesStdout;
  outputs.write(result);
  const text = COMPARE_REPORTERS.find(({ name }) => name === 'text');
  if (toStdout && text !== undefined) textTo.write(text.render(result, styleFor(io, choices, textTo)));
}

/** Options of a replay that have nothing to replay. */
const OF_REPLAYS: readonly (readonly [keyof ReplayCommandOptions, string])[] = [
  ['kernel', '--kernel'],
  ['flush', '--flush'],
  ['allocator', '--allocator'],
  ['driver', '--driver'],
  ['partialUnmap', '--partial-unmap'],
  ['pgtable', '--pgtable'],
  ['pgsizes', '--pgsizes'],
  ['queueDepth', '--queue-depth'],
  ['reserveAround', '--reserve-around'],
  ['layer', '--layer'],
];

function noteIdleOptions(options: CompareCommandOptions, io: Io): void {
  const idle = OF_REPLAYS.find(([key]) => options[key] !== undefined);
  if (idle === undefined || options.quiet === true) return;
  io.stderr.write(
    `pgtrace: note: ${idle[1]} is for traces; both sides are statistics, which have settings of their own\n`,
  );
}

/** Of one document against one it does not matter what they are called. */
function nameless(left: LoadedSide, right: LoadedSide): [LoadedSide, LoadedSide] {
  if (left.entries.length !== 1 || right.entries.length !== 1) return [left, right];
  const plain = (side: LoadedSide): LoadedSide => ({
    ...side,
    entries: side.entries.map((entry) => ({ ...entry, name: '-' })),
  });
  return [plain(left), plain(right)];
}

/** A path, or the files in it. */
function filesOf(path: string): string[] {
  if (path === STDOUT || !existsSync(path) || !isFolder(path)) return [path];
  return filesIn(path).map((file) => file.path);
}

function refuseMixture(base: string, now: string): void {
  const folders = [base, now].map((path) => path !== '-' && isFolder(path));
  if (folders[0] === folders[1]) return;
  const [folder, file] = folders[0] ? [base, now] : [now, base];
  throw usageError(`${folder} is a folder and ${file} is not; compare two folders or two files`);
}
