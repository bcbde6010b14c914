import { exactSize, grouped } from '../../base/sizes.ts';
import type { Recipe } from '../recipe.ts';
import { defineProbes, eventOptions, findOptional } from './kprobe-events.ts';
import { COMMAND, checkRecorder, DO_THE_WORK, type ToolText } from './tool.ts';

const TRACE_DAT = 'recording.dat';
const PERF_DATA = 'recording.perf.data';
const PAGE = 4096;

/** trace-cmd reads the ring buffer while it fills. */
export const TRACE_CMD: ToolText = {
  tool: 'trace-cmd',
  about: () => [
    `Writes to a file while it records, so the buffer need only last for moments. pgtrace reads ${TRACE_DAT} as it is.`,
  ],
  usesTracefs: true,
  output: TRACE_DAT,
  scratch: null,
  prompt: (recipe) => [`${traceCmd(recipe, false)} ${COMMAND}`],
  script: (recipe) => [
    ...defineProbes(recipe),
    ...findOptional(recipe),
    `run INT ${traceCmd(recipe, true)} ${DO_THE_WORK}`,
    ...checkRecorder('trace-cmd', TRACE_DAT),
  ],
};

function traceCmd(recipe: Recipe, inScript: boolean): string {
  const events = eventOptions(recipe, (group) => group, inScript);
  return `trace-cmd record -C mono -b ${recipe.bufferBytes / 1024} ${events} -o ${TRACE_DAT}`;
}

/** perf has buffers of its own and takes the kernel's probes as it takes tracepoints. */
export const PERF: ToolText = {
  tool: 'perf',
  about: (recipe) => [
    `Writes to a file while it records, so the buffer need only last for moments. pgtrace reads ${PERF_DATA} as it is, ` +
      'if it was written to a file (no pipe) and without -z.',
    'It records the probes of kprobe_events as it records tracepoints; perf probe is not needed.',
    `-m is the buffer of each CPU, which must be a power of two: ${powerOfTwo(recipe)}.`,
  ],
  usesTracefs: true,
  output: PERF_DATA,
  scratch: null,
  prompt: (recipe) => [`${perf(recipe, false)} -- ${COMMAND}`],
  script: (recipe) => [
    ...defineProbes(recipe),
    ...findOptional(recipe),
    `run INT ${perf(recipe, true)} -- ${DO_THE_WORK}`,
    ...checkRecorder('perf', PERF_DATA),
  ],
};

function perf(recipe: Recipe, inScript: boolean): string {
  const events = eventOptions(recipe, (group) => `${group}:*`, inScript);
  return `perf record -a -k mono -m ${exactSize(bufferPages(recipe) * PAGE)} ${events} -o ${PERF_DATA}`;
}

/** Pages of a buffer that must have a power of two of them: the next one up. */
export function bufferPages({ bufferBytes }: Recipe): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, bufferBytes / PAGE)));
}

/** In words how `bufferPages` comes about. */
export function powerOfTwo(recipe: Recipe): string {
  const pages = bufferPages(recipe);
  const bytes = `${exactSize(pages * PAGE)}, ${grouped(pages)} pages of 4K`;
  return pages * PAGE === recipe.bufferBytes ? bytes : `${exactSize(recipe.bufferBytes)} come to ${bytes}`;
}
