import type { CompareReporter } from '../reporter.ts';
import { githubReporter } from './github.ts';
import { jsonReporter } from './json.ts';
import { junitReporter } from './junit.ts';
import { markdownReporter } from './markdown.ts';
import { textReporter } from './text.ts';

/** Every reporter of a comparison; the first is what is printed unless another is asked for. */
export const COMPARE_REPORTERS: readonly CompareReporter[] = [
  textReporter,
  markdownReporter,
  jsonReporter,
  junitReporter,
  githubReporter,
];
