import { Chalk } from 'chalk';
import { EXIT_OK, usageError } from '../../base/errors.ts';
import { exactSize, parseSize } from '../../base/sizes.ts';
import { stableJson } from '../../base/stable-json.ts';
import { type Tool, toolCommands } from '../../recording/commands.ts';
import { recipeDocument } from '../../recording/document.ts';
import { DEFAULT_BUFFER, makeRecipe } from '../../recording/recipe.ts';
import { isBefore, parseRelease, type Release, releaseText } from '../../recording/release.ts';
import { TARGETS, type Target, type TargetName } from '../../recording/targets.ts';
import { recipeSheet } from '../../report/recording/recipe.ts';
import { type Io, terminalWidth, wantsColor } from '../process/io.ts';

/** Options of `record`, as commander hands them over. */
export interface RecordCommandOptions extends Readonly<Partial<Record<TargetName, boolean>>> {
  readonly kernel?: string;
  readonly tool?: Tool;
  readonly buffer?: string;
  readonly check?: string;
  readonly json?: boolean;
}

const DEFAULT_KERNEL = '7.1';
/** Enough for a few hundred requests, and more than any machine has for each CPU. */
const LEAST_BUFFER = 64 * 2 ** 10;
const MOST_BUFFER = 64 * 2 ** 30;

/** `pgtrace record`: prints how to record a trace, or checks one that was recorded. Returns the exit code. */
export async function recordCommand(options: RecordCommandOptions, io: Io): Promise<number> {
  if (options.check !== undefined) {
    refuseWithCheck(options);
    const { checkCommand } = await import('./record-check.ts');
    return checkCommand(options.check, options.json === true, io);
  }
  const target = chooseTarget(options);
  const recipe = makeRecipe(
    target,
    chooseRelease(options.kernel ?? DEFAULT_KERNEL, target),
    chooseBuffer(options.buffer),
  );
  if (options.json === true) {
    if (options.tool !== undefined) throw usageError('record --json prints all tools; leave out --tool or --json');
    io.stdout.write(`${stableJson(recipeDocument(recipe))}\n`);
  } else if (options.tool !== undefined) {
    io.stdout.write(toolCommands(recipe, options.tool));
  } else {
    const ink = new Chalk({ level: wantsColor('auto', io.stdout, io.env) ? 1 : 0 });
    io.stdout.write(recipeSheet(recipe, ink, terminalWidth(io.stdout)));
  }
  return EXIT_OK;
}

/** What is recorded already needs no recipe. */
function refuseWithCheck(options: RecordCommandOptions): void {
  const names = [...TARGETS.map(({ name }) => name), 'kernel', 'tool', 'buffer'] as const;
  const beside = names.filter((name) => options[name] !== undefined).map((name) => `--${name}`);
  if (beside.length === 0) return;
  throw usageError(`record --check looks at a recording; leave out --check, or ${beside.join(', ')}`);
}

function chooseTarget(options: RecordCommandOptions): Target {
  const chosen = TARGETS.filter(({ name }) => options[name] === true);
  if (chosen.length === 1) return chosen[0];
  const names = TARGETS.map(({ name, title }) => `--${name} (${title})`).join(', ');
  const given = chosen.map(({ name }) => `--${name}`).join(' and ');
  throw usageError(`record takes one target${given === '' ? '' : `; you gave ${given}`}: ${names}`);
}

/** The release of which a target can be recorded. Throws a usage error, with what can be done instead. */
function chooseRelease(text: string, target: Target): Release {
  const release = parseRelease(text);
  if (release === null) {
    throw usageError(`--kernel ${JSON.stringify(text)} is no kernel version; it takes one such as 6.12 or 7.1`);
  }
  if (!isBefore(release, target.since)) return release;
  const lines = [
    `Linux ${releaseText(release)} cannot be recorded for --${target.name}: ${target.before}.`,
    ...target.instead,
    'A distribution kernel with newer code than its number says is recorded as the version the code is from.',
  ];
  throw usageError(lines.join('\n'));
}

/** Bytes of each CPU's buffer, whole KiB. */
function chooseBuffer(text: string | undefined): number {
  if (text === undefined) return DEFAULT_BUFFER;
  const bytes = parseSize(text);
  if (bytes === null || bytes % 1024 !== 0 || bytes < LEAST_BUFFER || bytes > MOST_BUFFER) {
    throw usageError(
      `--buffer ${JSON.stringify(text)} is no size of a ring buffer; it takes ${exactSize(LEAST_BUFFER)} to ${exactSize(MOST_BUFFER)} in whole KiB, such as 24M`,
    );
  }
  return bytes;
}
