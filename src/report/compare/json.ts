import { stableJson } from '../../base/stable-json.ts';
import { compareJson } from '../../stats/compare/result.ts';
import type { CompareReporter } from '../reporter.ts';

/** The whole result as one line of JSON: equal results give equal bytes. */
export const jsonReporter: CompareReporter = {
  help: 'the whole result, pgtrace.compare/1',
  render: (result) => `${stableJson(compareJson(result))}\n`,
};
