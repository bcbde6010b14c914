import { githubReporter } from './github.ts';
import { jsonReporter } from './json.ts';
import { junitReporter } from './junit.ts';
import type { CheckReporter } from './result.ts';
import { sarifReporter } from './sarif.ts';
import { textReporter } from './text.ts';

/** Every reporter of a check; the first is what is printed unless another is asked for. */
export const CHECK_REPORTERS: readonly CheckReporter[] = [
  textReporter,
  jsonReporter,
  sarifReporter,
  junitReporter,
  githubReporter,
];
