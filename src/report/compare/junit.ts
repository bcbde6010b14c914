import { printable } from '../../base/printable.ts';
import type { CompareResult, RowComparison } from '../../stats/compare/result.ts';
import { junitXml, type TestCase } from '../markup/junit.ts';
import type { CompareReporter } from '../reporter.ts';
import { closing, WARN_ONLY } from './verdict-words.ts';
import { changeText, configurationOf, thresholdText, traceOf, unchangedText } from './words.ts';

const SUITE = 'pgtrace compare';

/** One test for each row, which fails where the row is not allowed. */
export const junitReporter: CompareReporter = {
  help: 'JUnit XML: one test for each row',
  render: (result) => {
    const cases = result.rows.map((row) => testCase(row, result));
    return junitXml(
      SUITE,
      [...cases, ...whole(cases, result)],
      [...result.notices.map(printable), closing(result)].join('\n'),
    );
  },
};

function testCase(row: RowComparison, { warnOnly }: CompareResult): TestCase {
  const key = { classname: traceOf(row) === '' ? 'pgtrace' : traceOf(row), name: configurationOf(row) };
  const told = linesOf(row);
  const fails = !row.allowed && !warnOnly;
  if (fails) return { ...key, failure: { message: summary(row), type: row.verdict, text: told.join('\n') } };
  const warning = row.allowed ? [] : [`${summary(row)}: ${WARN_ONLY}`];
  return { ...key, out: [...warning, ...told].join('\n') };
}

/** A failure that is no row's own must not get lost. */
function whole(cases: readonly TestCase[], result: CompareResult): TestCase[] {
  if (!result.failed || result.warnOnly || cases.some(({ failure }) => failure !== undefined)) return [];
  const text = closing(result);
  return [{ classname: 'pgtrace', name: 'compare', failure: { message: text, type: 'compare', text } }];
}

/** Why a row is not allowed: its verdict and the change that is worst. */
function summary(row: RowComparison): string {
  const deciding = row.changes.filter(({ verdict }) => verdict === 'regressed');
  if (row.verdict === 'missing') return 'missing in the new statistics';
  const [first] = deciding.length > 0 ? deciding : row.changes;
  return first === undefined ? row.verdict : `${first.verdict}: ${changeText(first)}`;
}

function linesOf(row: RowComparison): string[] {
  if (row.verdict === 'missing') return [`missing in the new statistics${row.allowed ? ', allowed' : ''}`];
  if (row.verdict === 'new') return ['new: not in the base'];
  const lines = row.changes.map((change) => {
    const threshold = thresholdText(change);
    return `${change.verdict}: ${changeText(change)}${threshold === '' ? '' : `, ${threshold}`}`;
  });
  // A row of which nothing differs has nothing to say.
  return lines.length === 0 || row.unchanged === 0 ? lines : [...lines, unchangedText(row)];
}
