import { printable } from '../../base/printable.ts';
import type { FindingKind } from '../../replay/results/findings.ts';
import { junitXml, type TestCase } from '../markup/junit.ts';
import { type CheckedTrace, type CheckReporter, type CheckResult, isAtLeast, type Judged } from './result.ts';
import { answer, levelsInWords, traceInWords } from './words.ts';

/** One test for each rule and trace, which fails where the rule is broken. */
export const junitReporter: CheckReporter = {
  help: 'JUnit XML: one test for each rule and trace',
  render: (result) =>
    junitXml(
      'pgtrace check',
      result.traces.flatMap((trace) => [
        ...(trace.complete ? [] : [unread(trace)]),
        ...result.rules.map(({ name }) => testCase(name, trace, result)),
      ]),
      [...result.traces.map((trace) => `${printable(trace.name)}: ${traceInWords(trace)}`), answer(result)].join('\n'),
    ),
};

function unread(trace: CheckedTrace): TestCase {
  const text = 'the trace was not read to its end';
  return { classname: trace.name, name: 'trace', error: { message: text, type: 'incomplete', text } };
}

function testCase(rule: FindingKind, trace: CheckedTrace, { failOn }: CheckResult): TestCase {
  const key = { classname: trace.name, name: rule };
  const count = trace.counts.find((counts) => counts.rule === rule);
  if (count === undefined) return key;
  const findings = trace.findings.filter(({ kind }) => kind === rule);
  const lines = findings.map(lineOf);
  const more = count.error + count.warning + count.note - findings.length;
  const text = [...lines, ...(more > 0 ? [`... and ${more} more`] : [])].join('\n');
  const fails = (['error', 'warning', 'note'] as const).some((level) => count[level] > 0 && isAtLeast(level, failOn));
  if (!fails) return { ...key, out: `${levelsInWords(count)}\n${text}` };
  return { ...key, failure: { message: `${levelsInWords(count)}: ${findings[0]?.message ?? ''}`, type: rule, text } };
}

function lineOf({ level, line, message }: Judged): string {
  return `${level}: line ${line}: ${message}`;
}
