import { STATS_FORMATS } from '../formats.ts';
import { HTML_REPORTER } from '../html/html-reporter.ts';
import { reportersOf } from '../reporter.ts';
import { csvReporter } from './csv.ts';
import { githubReporter } from './github.ts';
import { jsonReporter } from './json.ts';
import { junitReporter } from './junit.ts';
import { markdownReporter } from './markdown.ts';
import { textReporter } from './text.ts';

/** Every reporter of statistics. */
export const STATS_REPORTERS = reportersOf(STATS_FORMATS, {
  text: textReporter,
  json: jsonReporter,
  markdown: markdownReporter,
  csv: csvReporter,
  junit: junitReporter,
  github: githubReporter,
  html: HTML_REPORTER,
});
