import type { Recipe } from '../recipe.ts';
import { FIRST_PROBED, FIRST_WITH_CALLBACKS, isBefore, type Release, releaseText } from '../release.ts';
import { clearProbes, TRACEFS } from './kprobe-events.ts';
import type { ToolText } from './tool.ts';

/** Seconds that are recorded where no command is given. */
const SECONDS = 60;

/**
 * A tool's commands as a script for sh: it can be pasted, for it leaves the shell as it was, and stops at the first command
 * that fails. Its arguments are the work to record.
 */
export function scriptOf(recipe: Recipe, text: ToolText): string {
  const { target, release } = recipe;
  const { tool, usesTracefs } = text;
  const lines = [
    `# Linux ${releaseText(release)} on arm64, ${target.title}: records with ${tool}. As root, with the command to record:`,
    `#   pgtrace record --${target.name} --kernel ${releaseText(release)} --tool ${tool} | sh -s -- COMMAND`,
    `# Without a command it records for ${SECONDS} seconds; Ctrl-C ends that early. Leaves recording.txt.gz.`,
    '(',
    'set -eu',
    `[ $# -gt 0 ] || set -- sleep ${SECONDS}`,
    'here=$PWD',
    '[ "$(uname -m)" = aarch64 ] || { echo "these probes are for arm64 kernels, this is $(uname -m)" >&2; exit 1; }',
    'case "$(uname -r)" in',
    `  ${patterns(release)}) ;;`,
    `  *) echo "these probes are for Linux ${range(release)}, this is $(uname -r)" >&2 ;;`,
    'esac',
    ...(tool === 'ftrace'
      ? []
      : [`command -v ${tool} > /dev/null || { echo "${tool} is not installed" >&2; exit 1; }`]),
    ...(usesTracefs ? intoTracefs(recipe) : []),
    'trap : INT',
    ...text.script(recipe),
    'echo "recorded: $here/recording.txt.gz" >&2',
    ')',
  ];
  return `${lines.join('\n')}\n`;
}

function intoTracefs(recipe: Recipe): string[] {
  return [
    `cd ${TRACEFS}`,
    `[ -w kprobe_events ] || { echo "no ${TRACEFS}/kprobe_events: it takes root, tracefs mounted there and CONFIG_KPROBE_EVENTS" >&2; exit 1; }`,
    'clear_probes() {',
    ...clearProbes(recipe).map((line) => `  ${line}`),
    '}',
    'clear_probes',
    'trap clear_probes EXIT',
  ];
}

/** The releases whose structures are those of `release`: in words, and as patterns of `uname -r` for `case`. */
function range(release: Release): string {
  const first = releaseText(FIRST_WITH_CALLBACKS);
  return isBefore(release, FIRST_WITH_CALLBACKS)
    ? `from ${releaseText(FIRST_PROBED)} on and before ${first}`
    : `${first} and later`;
}

function patterns(release: Release): string {
  return isBefore(release, FIRST_WITH_CALLBACKS)
    ? '5.1[5-9][.-]* | 6.[0-7][.-]*'
    : '6.[89][.-]* | 6.[1-9][0-9][.-]* | [7-9].* | [1-9][0-9].*';
}
