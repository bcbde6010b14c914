import { exactSize } from '../../base/sizes.ts';
import { GROUP } from '../probe.ts';
import type { Recipe } from '../recipe.ts';
import { defineProbes, eventGlobs } from './kprobe-events.ts';
import type { ToolText } from './tool.ts';

/** They fail with the work, which is no reason to lose the recording. */
const FAILED = 'echo "it or the command failed; what is recorded is kept" >&2';
/** What a person types in place of the work. */
const COMMAND = 'COMMAND';

/** trace-cmd reads the ring buffer while it fills. */
export const TRACE_CMD: ToolText = {
  tool: 'trace-cmd',
  about: ['Writes to a file while it records, so the buffer need only last for moments.'],
  usesTracefs: true,
  prompt: (recipe) => [
    `${traceCmd(recipe)} -o recording.dat ${COMMAND}`,
    `${REPORT} recording.dat | gzip > recording.txt.gz`,
  ],
  script: (recipe) => [
    ...defineProbes(recipe),
    `(cd "$here" && ${traceCmd(recipe)} -o recording.dat "$@" < /dev/null) || ${FAILED}`,
    `(cd "$here" && ${REPORT} recording.dat | gzip > recording.txt.gz)`,
  ],
};

/** Nanoseconds. */
const REPORT = 'trace-cmd report -t -i';

function traceCmd({ groups, bufferBytes }: Recipe): string {
  const events = [GROUP, ...groups].map((group) => `-e ${group}`).join(' ');
  return `trace-cmd record -C mono -b ${bufferBytes / 1024} ${events}`;
}

/** perf has buffers of its own and takes the kernel's probes as it takes tracepoints. */
export const PERF: ToolText = {
  tool: 'perf',
  about: [
    'Writes to a file while it records, so the buffer need only last for moments. The file must be seekable: no pipe.',
    'It records the probes of kprobe_events as it records tracepoints; perf probe is not needed.',
  ],
  usesTracefs: true,
  prompt: (recipe) => [
    `${perf(recipe)} -o recording.perf.data -- ${COMMAND}`,
    `${SCRIPT} recording.perf.data | gzip > recording.txt.gz`,
  ],
  script: (recipe) => [
    ...defineProbes(recipe),
    `(cd "$here" && ${perf(recipe)} -o recording.perf.data -- "$@" < /dev/null) || ${FAILED}`,
    `(cd "$here" && ${SCRIPT} recording.perf.data | gzip > recording.txt.gz)`,
  ],
};

/** Nanoseconds. */
const SCRIPT = 'perf script --ns -i';

function perf(recipe: Recipe): string {
  const events = eventGlobs(recipe).map((glob) => `-e '${glob}'`);
  return `perf record -a -k mono -m ${exactSize(bufferPages(recipe) * 4096)} ${events.join(' ')}`;
}

/** Pages of a buffer that must have a power of two of them: the next one up. */
export function bufferPages({ bufferBytes }: Recipe): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, bufferBytes / 4096)));
}
