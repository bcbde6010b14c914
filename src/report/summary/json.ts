import { type Json, stableJson } from '../../base/stable-json.ts';
import type { StatsReporter } from '../reporter.ts';

/** A line of JSON for each trace: equal statistics give equal bytes. */
export const jsonReporter: StatsReporter = {
  help: 'the statistics themselves, pgtrace.stats/1, one line for each trace',
  render: (documents) => documents.map(({ document }) => `${stableJson(document as unknown as Json)}\n`).join(''),
};
