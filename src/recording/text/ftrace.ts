import { GROUP } from '../probe.ts';
import type { Recipe } from '../recipe.ts';
import { defineProbes, TRACEFS } from './kprobe-events.ts';
import { DO_THE_WORK, THE_WORK, type ToolText } from './tool.ts';

/** The ring buffer read as text when the work is done. */
export const FTRACE: ToolText = {
  tool: 'ftrace',
  about: ['Needs nothing but the kernel. The buffer must hold the whole recording: see Buffer size.'],
  usesTracefs: true,
  prompt: (recipe) => [
    `cd ${TRACEFS}`,
    'echo 0 > tracing_on',
    ...settings(recipe),
    ...start(recipe),
    'echo 1 > tracing_on',
    THE_WORK,
    'echo 0 > tracing_on',
    'gzip < trace > ~/recording.txt.gz',
  ],
  script: (recipe) => [
    // A buffer that was never used has a word more: `7 (expanded: 1408)`.
    'buffer=$(cut -d " " -f 1 buffer_size_kb)',
    'echo 0 > tracing_on',
    ...settings(recipe),
    ...defineProbes(recipe),
    ...start(recipe),
    'echo 1 > tracing_on',
    DO_THE_WORK,
    'echo 0 > tracing_on',
    'gzip < trace > "$here/recording.txt.gz"',
    "if grep -q '^overrun: [1-9]' per_cpu/cpu*/stats; then",
    '  echo "events are lost: give a larger --buffer" >&2',
    'fi',
    "if awk '$3 > 0 { missed = 1 } END { exit !missed }' kprobe_profile; then",
    `  echo "probes were missed: see the third column of ${TRACEFS}/kprobe_profile" >&2`,
    'fi',
    'echo > trace',
    'echo "$buffer" > buffer_size_kb || :',
  ],
};

function settings({ bufferBytes }: Recipe): string[] {
  return ['echo nop > current_tracer', `echo ${bufferBytes / 1024} > buffer_size_kb`, 'echo mono > trace_clock'];
}

/** Empties the buffer and enables the events. */
function start({ groups }: Recipe): string[] {
  return ['echo > trace', ...[GROUP, ...groups].map((group) => `echo 1 > events/${group}/enable`)];
}
