import { CHECK_FORMATS } from '../formats.ts';
import { reportersOf } from '../reporter.ts';
import { githubReporter } from './github.ts';
import { jsonReporter } from './json.ts';
import { junitReporter } from './junit.ts';
import { sarifReporter } from './sarif.ts';
import { textReporter } from './text.ts';

/** Every reporter of a check. */
export const CHECK_REPORTERS = reportersOf(CHECK_FORMATS, {
  text: textReporter,
  json: jsonReporter,
  sarif: sarifReporter,
  junit: junitReporter,
  github: githubReporter,
});
