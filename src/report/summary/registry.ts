import { HTML_REPORTER } from '../html/html-reporter.ts';
import type { StatsReporter } from '../reporter.ts';
import { csvReporter } from './csv.ts';
import { githubReporter } from './github.ts';
import { jsonReporter } from './json.ts';
import { junitReporter } from './junit.ts';
import { markdownReporter } from './markdown.ts';
import { textReporter } from './text.ts';

/** Every reporter of statistics; the first is what is printed unless another is asked for. */
export const STATS_REPORTERS: readonly StatsReporter[] = [
  textReporter,
  jsonReporter,
  markdownReporter,
  csvReporter,
  junitReporter,
  githubReporter,
  HTML_REPORTER,
];
