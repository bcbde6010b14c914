import { definition, GROUP } from '../probe.ts';
import type { Recipe } from '../recipe.ts';

/* Commands of a shell whose working directory is the one of tracefs. */

/** Where tracefs is mounted. */
export const TRACEFS = '/sys/kernel/tracing';

/** One command for each probe. */
export function defineProbes({ probes }: Recipe): string[] {
  return probes.map((probe) => `echo '${definition(probe)}' >> kprobe_events`);
}

/** Stops the events of the recipe and takes its probes away, if they are there. */
export function clearProbes({ probes, groups }: Recipe): string[] {
  return [
    `for group in ${[GROUP, ...groups].join(' ')}; do`,
    '  [ ! -e "events/$group/enable" ] || echo 0 > "events/$group/enable"',
    'done',
    `for probe in ${probes.map(({ name }) => name).join(' ')}; do`,
    `  echo "-:${GROUP}/$probe" >> kprobe_events 2> /dev/null || :`,
    'done',
  ];
}

/** The names of the events as perf takes them: `lpae:*`. */
export function eventGlobs({ groups }: Recipe): string[] {
  return [GROUP, ...groups].map((group) => `${group}:*`);
}
