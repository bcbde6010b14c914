import type { Recipe } from '../recipe.ts';
import { defineProbes, enableEvents, TRACEFS } from './kprobe-events.ts';
import { THE_WORK, type ToolText } from './tool.ts';

const OUTPUT = 'recording.txt.gz';
const SAVE = `gzip < ${TRACEFS}/trace > ${OUTPUT}`;

/** The ring buffer read as text when the work is done. */
export const FTRACE: ToolText = {
  tool: 'ftrace',
  about: () => [
    'Needs nothing but the kernel. The buffer must hold the whole recording: see Buffer size.',
    'Nothing is lost when both numbers of entries-in-buffer/entries-written are equal and no line says "CPU n buffer started".',
  ],
  usesTracefs: true,
  output: OUTPUT,
  scratch: null,
  prompt: (recipe) => [
    `echo 0 > ${TRACEFS}/tracing_on`,
    ...settings(recipe),
    `echo > ${TRACEFS}/trace`,
    ...enableEvents(recipe, false),
    `echo 1 > ${TRACEFS}/tracing_on`,
    THE_WORK,
    `echo 0 > ${TRACEFS}/tracing_on`,
    SAVE,
    `zcat ${OUTPUT} | grep -m 1 entries-in-buffer`,
    `zcat ${OUTPUT} | grep -c 'buffer started'`,
  ],
  script: (recipe) => [
    `echo 0 > ${TRACEFS}/tracing_on`,
    ...settings(recipe),
    ...defineProbes(recipe),
    `echo > ${TRACEFS}/trace`,
    ...enableEvents(recipe, true),
    `echo 1 > ${TRACEFS}/tracing_on`,
    'run TERM "$@"',
    `echo 0 > ${TRACEFS}/tracing_on`,
    'if [ "$status" -ne 0 ] && [ -z "$stopped" ]; then',
    '  echo "the command failed (exit status $status); what it did is recorded" >&2',
    'fi',
    `${SAVE} || fail "${OUTPUT} could not be written: there is no recording"`,
    `if grep -q '^overrun: [1-9]' ${TRACEFS}/per_cpu/cpu*/stats; then`,
    '  echo "events are lost: give a larger --buffer" >&2',
    'fi',
    `if awk '$3 > 0 { missed = 1 } END { exit !missed }' ${TRACEFS}/kprobe_profile; then`,
    `  echo "probes were missed: the kernel ran short of places to note returns, or was in another probe" >&2`,
    'fi',
    `echo > ${TRACEFS}/trace`,
  ],
};

function settings({ bufferBytes }: Recipe): string[] {
  return [
    `echo nop > ${TRACEFS}/current_tracer`,
    `echo ${bufferBytes / 1024} > ${TRACEFS}/buffer_size_kb`,
    `echo mono > ${TRACEFS}/trace_clock`,
  ];
}
