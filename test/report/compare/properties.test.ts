import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { githubReporter } from '../../../src/report/compare/github.ts';
import { jsonReporter } from '../../../src/report/compare/json.ts';
import { junitReporter } from '../../../src/report/compare/junit.ts';
import { COMPARE_MARKER, markdownReporter } from '../../../src/report/compare/markdown.ts';
import { COMPARE_REPORTERS } from '../../../src/report/compare/registry.ts';
import { textReporter } from '../../../src/report/compare/text.ts';
import type { CompareResult, MetricVerdict, RowComparison, RowVerdict } from '../../../src/stats/compare/result.ts';
import { anyCharacter } from '../../any-character.ts';
import { checkMarkdown, junitCases, workflowCommands } from '../markup-checks.ts';
import { change, HOSTILE, manyRows, PLAIN, RICH, resultOf, row } from './fixture.ts';

/** Time of this process alone: others may be busy. */
const cpuMilliseconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

/** What GitHub takes as a comment. */
const COMMENT = 65_536;

const name = fc.oneof(
  fc.string({ unit: anyCharacter, maxLength: 30 }),
  fc.constantFrom(
    HOSTILE,
    '</details>',
    '-->',
    '|',
    '||',
    '\\|',
    '`',
    ' ',
    '',
    'x\ud800',
    '::error::x',
    '##[error]x',
    '=1+1',
  ),
  fc.integer({ min: 1, max: 400 }).map((length) => '<|`&\u2028'.repeat(length)),
);
const anyChange = fc
  .tuple(
    name,
    fc.nat(),
    fc.nat(),
    fc.constantFrom<MetricVerdict>('better', 'worse', 'regressed', 'changed'),
    fc.option(name),
  )
  .map(([metric, base, now, verdict, threshold]) => change(metric, base, now, verdict, threshold));
const verdict = fc.constantFrom<RowVerdict>('regressed', 'missing', 'worse', 'new', 'changed', 'better', 'same');
const anyRow = fc
  .tuple(name, verdict, fc.array(anyChange, { maxLength: 5 }), name, fc.option(name), fc.boolean())
  .map(([trace, judged, changes, allocator, domain, allowed]) =>
    row(trace, judged, {
      changes: judged === 'missing' || judged === 'new' || judged === 'same' ? [] : changes,
      allocator,
      domain,
      allowed,
    }),
  );
const anyResult = fc
  .tuple(fc.array(anyRow, { maxLength: 40 }), fc.array(name, { maxLength: 30 }), fc.boolean())
  .map(([rows, sentences, warnOnly]) =>
    resultOf(rows, { notices: sentences, thresholds: sentences, reasons: sentences, warnOnly }),
  );

/** Rows again and again, until a comment cannot hold them. */
const repeated = fc.tuple(anyResult, fc.integer({ min: 1, max: 60 })).map(
  ([result, times]): CompareResult =>
    resultOf(
      Array<RowComparison[]>(times)
        .fill([...result.rows])
        .flat(),
      result,
    ),
);

const check = (property: (result: CompareResult) => void, results: fc.Arbitrary<CompareResult> = anyResult): void => {
  fc.assert(fc.property(results, property), { seed: 20_260, numRuns: 100 });
};

describe('whatever the rows and names', () => {
  it('Markdown fits a comment, with whole tables and nothing in them that is markup', () => {
    check((result) => checkMarkdown(markdownReporter.render(result, PLAIN), COMPARE_MARKER, COMMENT), repeated);
  });

  it('Markdown tells how many lines it leaves out', () => {
    for (const count of [1, 10, 400, 700, 3_000]) {
      const result = manyRows(count, 3);
      const text = markdownReporter.render(result, PLAIN);
      checkMarkdown(text, COMPARE_MARKER, COMMENT);
      const lines = result.rows.reduce((sum, { changes }) => sum + Math.max(1, changes.length), 0);
      const shown = text.split('\n').filter((line) => /^(\| |- `)/.test(line) && !line.startsWith('| row ')).length;
      const left = [...text.matchAll(/^([\d,]+) (?:line|row)s? more left out/gm)];
      const told = left.reduce((sum, [, digits]) => sum + Number(digits.replaceAll(',', '')), 0);
      expect(shown + told).toBe(lines);
      expect(told > 0).toBe(count >= 700);
      // What is worst is what is shown.
      expect(text).toContain('`trace-0.ndjson`');
    }
  });

  it('JUnit is XML with a test for each row, which fails where the row is not allowed', () => {
    check((result) => {
      const cases = junitCases(junitReporter.render(result, PLAIN));
      const failing = result.warnOnly ? 0 : result.rows.filter(({ allowed }) => !allowed).length;
      expect(cases).toHaveLength(result.rows.length);
      expect(cases.filter(({ children }) => children.some(({ name: kind }) => kind === 'failure'))).toHaveLength(
        failing,
      );
    });
  });

  it('GitHub gets at most ten annotations of each kind, and is told of the rest', () => {
    check((result) => {
      const { error, warning } = workflowCommands(githubReporter.render(result, PLAIN));
      const failing = result.rows.filter(({ allowed }) => !allowed).length;
      expect(error).toHaveLength(result.warnOnly ? 0 : Math.min(10, failing));
      if (result.warnOnly) expect(warning.length).toBeGreaterThanOrEqual(Math.min(10, failing));
    });
    const { error, warning, notice } = workflowCommands(githubReporter.render(manyRows(70), PLAIN));
    expect([error.length, warning.length]).toEqual([10, 10]);
    expect(notice[0]).toContain('10 rows more fail');
    expect(error[0]).toContain('trace-0.ndjson');
  });

  it('JSON is the result, in one line', () => {
    check((result) => {
      const text = jsonReporter.render(result, PLAIN);
      expect(text.indexOf('\n')).toBe(text.length - 1);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(result)));
    });
  });

  it('text has no control characters, and no line that could be broken goes beyond the edge of the terminal', () => {
    check((result) => {
      for (const width of [null, 80, 120]) {
        const text = textReporter.render(result, { ...PLAIN, width, all: true });
        expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
        const long = text.split('\n').filter(({ length }) => width !== null && length > width);
        for (const line of long) expect(line.trim()).not.toMatch(/\s/);
      }
    });
  });
});

describe('a comparison of many rows', () => {
  it.each(COMPARE_REPORTERS.map((one) => [one.name, one] as const))('is rendered in time as %s', (_, reporter) => {
    const result = manyRows(10_000, 3);
    const start = cpuMilliseconds();
    const text = reporter.render(result, { ...PLAIN, width: 120, all: true });
    expect(cpuMilliseconds() - start).toBeLessThan(2_000);
    expect(text.length).toBeGreaterThan(1_000);
  });
});

describe('a failure', () => {
  it('is told by JUnit also when it is no row’s', () => {
    const result = { ...resultOf([row('a', 'same')]), failed: true, reasons: ['something else'] };
    const cases = junitCases(junitReporter.render(result, PLAIN));
    expect(cases.map(({ children }) => children.map(({ attributes }) => attributes['message']))).toEqual([
      [],
      ['not ok: something else'],
    ]);
  });

  it('that comes from improvements shows them where everybody looks', () => {
    const better = row('a', 'better', { allowed: false, changes: [change('tables.peak', 2, 1, 'better')] });
    const result = resultOf([better, row('b', 'same')], { failOn: ['regression', 'improvement'] });
    const text = markdownReporter.render(result, PLAIN);
    expect(text.slice(0, text.indexOf('<details>'))).toContain('| `a` `kernel` | `tables.peak` | 2 | 1 |');
    expect(junitReporter.render(result, PLAIN)).toContain('failures="1"');
    expect(workflowCommands(githubReporter.render(result, PLAIN)).error).toHaveLength(1);
  });

  it('never changes the order of rows and of changes', () => {
    const text = textReporter.render(RICH, PLAIN);
    const at = RICH.rows
      .filter(({ verdict: judged }) => judged !== 'same')
      .map(({ trace }) => text.indexOf(trace.slice(0, 5)));
    expect(at).toEqual([...at].sort((a, b) => a - b));
  });
});
