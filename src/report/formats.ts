/*
 * The forms of every report: their names, in the order in which help tells them, and the endings of files that stand for them,
 * without the dot. The options of commands need no more, so nothing is imported here; registries hold a reporter for each.
 */

/** Forms of the statistics of replays. The first is what is printed unless another is asked for, here and below. */
export const STATS_FORMATS = {
  text: ['txt'],
  json: ['json', 'ndjson', 'jsonl'],
  markdown: ['md'],
  csv: ['csv'],
  junit: ['xml'],
  github: [],
  html: ['html', 'htm'],
} as const;

/** Forms of a comparison. */
export const COMPARE_FORMATS = {
  text: ['txt'],
  markdown: ['md'],
  json: ['json'],
  junit: ['xml'],
  github: [],
} as const;

/** Forms of a check. */
export const CHECK_FORMATS = {
  text: ['txt'],
  json: ['json'],
  sarif: ['sarif'],
  junit: ['xml'],
  github: [],
} as const;

/** Names of forms, and the endings of each. */
export type Formats = Readonly<Record<string, readonly string[]>>;

/** Their names. */
export function formatNames(formats: Formats): string[] {
  return Object.keys(formats);
}
