import { definition, GROUP } from '../probe.ts';
import type { Recipe } from '../recipe.ts';

/* Commands name the files of tracefs by their whole path, so that they work in any directory. */

/** Where tracefs is mounted. */
export const TRACEFS = '/sys/kernel/tracing';

/** One command for each probe. */
export function defineProbes({ probes }: Recipe): string[] {
  return probes.map((probe) => `echo '${definition(probe)}' >> ${TRACEFS}/kprobe_events`);
}

/** Stops the events of the recipe and takes its probes away, if they are there. */
export function clearProbes({ probes, groups }: Recipe): string[] {
  return [
    `for group in ${[GROUP, ...groups].join(' ')}; do`,
    `  [ ! -e "${TRACEFS}/events/$group/enable" ] || echo 0 > "${TRACEFS}/events/$group/enable"`,
    'done',
    `for probe in ${probes.map(({ name }) => name).join(' ')}; do`,
    `  echo "-:${GROUP}/$probe" >> ${TRACEFS}/kprobe_events 2> /dev/null || :`,
    'done',
  ];
}

/** What a script runs on may lack these, while it has the structures that the probes are for: `dma:*` before Linux 6.12. */
const OPTIONAL = 'dma';

/** Commands that enable the events; in a script those of a group that the kernel may lack only where it has them. */
export function enableEvents({ groups }: Recipe, inScript: boolean): string[] {
  return [GROUP, ...groups].map((group) => {
    const folder = `${TRACEFS}/events/${group}`;
    const guard = inScript && group === OPTIONAL ? `[ ! -d ${folder} ] || ` : '';
    return `${guard}echo 1 > ${folder}/enable`;
  });
}

/**
 * The options of a recorder that name the events, each as `nameOf` writes its group. In a script a group that the kernel may
 * lack depends on the variable that `findOptional` sets.
 */
export function eventOptions({ groups }: Recipe, nameOf: (group: string) => string, inScript: boolean): string {
  const options = [GROUP, ...groups].map((group) =>
    inScript && group === OPTIONAL ? `\${${OPTIONAL}:+-e "${nameOf(group)}"}` : `-e '${nameOf(group)}'`,
  );
  return options.join(' ');
}

/** Sets the variable of a group that the kernel may lack, for `eventOptions`. */
export function findOptional({ groups }: Recipe): string[] {
  if (!groups.includes(OPTIONAL)) return [];
  return [`${OPTIONAL}=`, `[ ! -d ${TRACEFS}/events/${OPTIONAL} ] || ${OPTIONAL}=yes`];
}
