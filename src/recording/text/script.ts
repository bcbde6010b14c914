import { exactSize } from '../../base/sizes.ts';
import type { Recipe } from '../recipe.ts';
import { FIRST_PROBED, FIRST_WITH_CALLBACKS, isBefore, type Release, releaseText } from '../release.ts';
import { clearProbes, TRACEFS } from './kprobe-events.ts';
import { saveSettings } from './settings.ts';
import { COMMAND, type ToolText } from './tool.ts';

/** Seconds that are recorded where no command is given. */
const SECONDS = 60;

/**
 * A tool's commands as a script for sh, which stops at the first command that fails. Its arguments are the work to record. A
 * shell that reads a script runs it itself, so that a signal to that shell comes to what takes the probes away; one that a
 * person has pasted it into runs it beside itself and stays as it was.
 */
export function scriptOf(recipe: Recipe, text: ToolText): string {
  const { target, release, bufferBytes } = recipe;
  const { tool, usesTracefs, output, scratch } = text;
  const files = scratch === null ? output : `${output} ${scratch}`;
  const lines = [
    `# Linux ${releaseText(release)} on arm64, ${target.title}: records with ${tool}. As root, with the command to record:`,
    `#   pgtrace record --${target.name} --kernel ${releaseText(release)} --tool ${tool} | sudo sh -s -- ${COMMAND}`,
    `# ${COMMAND} runs as root and reads from /dev/null. Without one it records for ${SECONDS} seconds. Ctrl-C ends either`,
    `# early, and what is recorded until then is saved. Leaves ${output}; a file of that name is never overwritten.`,
    `# The buffers take about ${exactSize(bufferBytes)} of memory for each CPU. PGTRACE_FORCE=1 records on a kernel that the probes are not for.`,
    'pgtrace_record() {',
    'set -eu',
    `[ $# -gt 0 ] || set -- sleep ${SECONDS}`,
    'fail() {',
    '  echo "$*" >&2',
    '  exit 1',
    '}',
    '[ "$(uname -m)" = aarch64 ] || fail "these probes are for arm64 kernels, this is $(uname -m)"',
    ...rightKernel(recipe),
    ...(tool === 'ftrace' ? [] : [`command -v ${tool} > /dev/null || fail "${tool} is not installed"`]),
    'command -v "$1" > /dev/null || fail "there is no command $1 to record"',
    `for file in ${files}; do`,
    '  [ ! -e "$file" ] || fail "$file is there already: move it away or delete it first"',
    'done',
    '[ -w . ] || fail "$PWD cannot be written to, and what is recorded goes there"',
    ...RUN,
    ...(usesTracefs ? useTracefs(recipe) : []),
    ...text.script(recipe),
    '[ -z "$stopped" ] || echo "stopped; what was recorded until then is saved" >&2',
    `echo "recorded: $PWD/${output}" >&2`,
    `echo "next: pgtrace record --check ${output}; pgtrace replay ${output}" >&2`,
    '}',
    'case $- in',
    '  *i*) (pgtrace_record "$@"); unset -f pgtrace_record ;;',
    '  *) pgtrace_record "$@" ;;',
    'esac',
  ];
  return `${lines.join('\n')}\n`;
}

/**
 * What a signal does: before and after the recording it ends the script, in between only the recording. A shell sees a signal
 * at once only while it waits for something in the background, and what is there ignores Ctrl-C unless env says otherwise;
 * where env cannot, a signal to the shell alone counts when the command has ended.
 */
const RUN: readonly string[] = [
  'child=',
  'stopped=',
  'signals_end_the_script() {',
  "  trap 'exit 129' HUP",
  "  trap 'exit 130' INT",
  "  trap 'exit 143' TERM",
  '}',
  'run() {',
  '  signal=$1',
  '  shift',
  '  status=0',
  "  trap 'stopped=yes' INT",
  `  trap 'stopped=yes; [ -z "$child" ] || kill -s "$signal" "$child" 2> /dev/null || :' HUP TERM`,
  '  if env --default-signal=INT,QUIT true 2> /dev/null; then',
  '    env --default-signal=INT,QUIT "$@" < /dev/null &',
  '    child=$!',
  '    [ -z "$stopped" ] || kill -s "$signal" "$child"',
  '    wait "$child" || status=$?',
  '    while kill -0 "$child" 2> /dev/null; do',
  '      status=0',
  '      wait "$child" || status=$?',
  '    done',
  '  else',
  '    "$@" < /dev/null || status=$?',
  '  fi',
  '  signals_end_the_script',
  '}',
  'signals_end_the_script',
];

/** Probes read structures of the kernel, and those of another one give numbers that mean nothing. */
function rightKernel({ target, release }: Recipe): string[] {
  return [
    'case "$(uname -r)" in',
    `  ${patterns(release)}) ;;`,
    '  *)',
    `    echo "these probes are for Linux ${range(release)}, this is $(uname -r)" >&2`,
    "    running=$(uname -r | sed 's/^\\([0-9]*\\.[0-9]*\\).*/\\1/')",
    `    [ "\${PGTRACE_FORCE:-}" = 1 ] || fail "take pgtrace record --${target.name} --kernel $running; or insist on these, with PGTRACE_FORCE=1 in front of sh"`,
    '    ;;',
    'esac',
  ];
}

function useTracefs(recipe: Recipe): string[] {
  return [
    `[ -w ${TRACEFS}/kprobe_events ] || fail "no ${TRACEFS}/kprobe_events: it takes root, tracefs mounted there and CONFIG_KPROBE_EVENTS"`,
    'clear_probes() {',
    ...clearProbes(recipe).map((line) => `  ${line}`),
    '}',
    ...saveSettings(),
    'clean_up() {',
    '  set +e',
    "  trap '' HUP INT TERM",
    `  [ "$(setting tracing_on)" = 0 ] || echo 0 > ${TRACEFS}/tracing_on`,
    '  clear_probes',
    '  restore_settings',
    '}',
    'trap clean_up EXIT',
    'clear_probes',
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
