import { COMPARE_FORMATS } from '../formats.ts';
import { reportersOf } from '../reporter.ts';
import { githubReporter } from './github.ts';
import { jsonReporter } from './json.ts';
import { junitReporter } from './junit.ts';
import { markdownReporter } from './markdown.ts';
import { textReporter } from './text.ts';

/** Every reporter of a comparison. */
export const COMPARE_REPORTERS = reportersOf(COMPARE_FORMATS, {
  text: textReporter,
  markdown: markdownReporter,
  json: jsonReporter,
  junit: junitReporter,
  github: githubReporter,
});
