import { Chalk } from 'chalk';
import { EXIT_NO, EXIT_OK } from '../../base/errors.ts';
import { type Json, stableJson } from '../../base/stable-json.ts';
import { toolVersion } from '../../library/version.ts';
import { DEFAULT_REPLAY_OPTIONS } from '../../replay/options.ts';
import { CHECK_SCHEMA, checkRows, checkText, checkVerdict } from '../../report/recording/recording-check.ts';
import { statsDocument } from '../../stats/replay-document.ts';
import { readOptions } from '../options/input-options.ts';
import { type Io, terminalWidth, wantsColor } from '../process/io.ts';
import { interruptedExit } from '../process/signals.ts';
import { runReplay, writeSkipped } from '../replay/run-replay.ts';

/**
 * `pgtrace record --check`: says whether a recording is complete enough to replay, and what is missing. Returns the exit
 * code: 1 when it is not.
 */
export async function checkCommand(path: string, json: boolean, io: Io): Promise<number> {
  const read = { ...readOptions({}), lenient: true };
  const run = await runReplay(path, io, read, [DEFAULT_REPLAY_OPTIONS], null, null, false);
  const { outcome, replayer, interrupted } = run;
  if (interrupted) return interruptedExit(replayer.seq, io);
  if (outcome.error !== null) {
    io.stderr.write(`pgtrace: ${outcome.error.text}\n`);
    return outcome.error.exitCode;
  }
  writeSkipped(outcome, io);
  const rows = checkRows(statsDocument(replayer, outcome, DEFAULT_REPLAY_OPTIONS, toolVersion()));
  const verdict = checkVerdict(rows);
  if (json) io.stdout.write(`${stableJson({ schema: CHECK_SCHEMA, verdict, rows } as unknown as Json)}\n`);
  else {
    const ink = new Chalk({ level: wantsColor('auto', io.stdout, io.env) ? 1 : 0 });
    io.stdout.write(`${run.reader.name}  ${outcome.format}\n\n${checkText(rows, ink, terminalWidth(io.stdout))}`);
  }
  return verdict === 'incomplete' ? EXIT_NO : EXIT_OK;
}
