import { type Json, stableJson } from '../../base/stable-json.ts';
import { CHECK_SCHEMA, type CheckReporter, type CheckResult } from './result.ts';

/** The whole result as one line of JSON: equal results give equal bytes. */
export const jsonReporter: CheckReporter = {
  help: `the whole result, ${CHECK_SCHEMA}`,
  render: (result) => `${stableJson(checkJson(result))}\n`,
};

/** The result as a document; of the rules those that were broken. */
function checkJson({ version, lock, failOn, failed, rules, traces }: CheckResult): Json {
  const broken = new Set<string>(traces.flatMap(({ counts }) => counts.map(({ rule }) => rule)));
  return {
    schema: CHECK_SCHEMA,
    version,
    lock,
    failOn,
    failed,
    rules: Object.fromEntries(
      rules.filter(({ name }) => broken.has(name)).map(({ name, ...rule }) => [name, rule as unknown as Json]),
    ),
    traces: traces.map(({ counts, findings, ...trace }) => ({
      ...trace,
      counts: Object.fromEntries(counts.map(({ rule, ...levels }) => [rule, levels])),
      findings: findings as unknown as Json,
    })),
  };
}
