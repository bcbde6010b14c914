import { describe, expect, it } from 'vitest';
import { COMPARE_REPORTERS } from '../../../src/report/compare/registry.ts';
import type { CompareReporter, ReportStyle } from '../../../src/report/reporter.ts';
import type { CompareResult } from '../../../src/stats/compare/result.ts';
import { EMPTY, PLAIN, RICH, SAME } from './fixture.ts';

const GOLDEN = '../../golden/report';
const reporter = (name: string): CompareReporter => {
  const found = COMPARE_REPORTERS.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no reporter ${name}`);
  return found;
};
const render = (name: string, result: CompareResult, style: Partial<ReportStyle> = {}): string =>
  reporter(name).render(result, { ...PLAIN, ...style });

const ENDINGS: Readonly<Record<string, string>> = {
  text: 'txt',
  markdown: 'md',
  junit: 'xml',
  github: 'log',
};

describe('reports of a comparison', () => {
  it('are known by name, and by the endings of files that only one of them has', () => {
    expect(COMPARE_REPORTERS.map(({ name }) => name)).toEqual(['text', 'markdown', 'json', 'junit', 'github']);
    const endings = COMPARE_REPORTERS.flatMap((one) => one.endings);
    expect(new Set(endings).size).toBe(endings.length);
  });

  it.each(Object.keys(ENDINGS))('as %s: one of everything', async (name) => {
    await expect(render(name, RICH)).toMatchFileSnapshot(`${GOLDEN}/compare.${ENDINGS[name]}`);
  });

  it.each(Object.keys(ENDINGS))('as %s: a warning only', async (name) => {
    const text = render(name, { ...RICH, warnOnly: true });
    await expect(text).toMatchFileSnapshot(`${GOLDEN}/compare-warn.${ENDINGS[name]}`);
    expect(text).toContain('a warning only (--warn-only)');
  });

  it('of nothing, and of a pair that is the same', async () => {
    const of = (result: CompareResult): string =>
      Object.keys(ENDINGS)
        .map((name) => `--- ${name}\n${render(name, result)}`)
        .join('');
    await expect(`${of(SAME)}=== no rows\n${of(EMPTY)}`).toMatchFileSnapshot(`${GOLDEN}/compare-same.txt`);
  });

  it('on terminals of 100, 80 and 50 columns', async () => {
    const screens = [100, 80, 50].map((width) => `--- ${width}\n${render('text', RICH, { width })}`);
    await expect(screens.join('')).toMatchFileSnapshot(`${GOLDEN}/compare-narrow.txt`);
  });

  it('with all that is equal', async () => {
    await expect(render('text', RICH, { all: true })).toMatchFileSnapshot(`${GOLDEN}/compare-all.txt`);
  });

  it('with verdicts in colour', async () => {
    // Shown as a terminal's own names would be too long to read.
    const text = render('text', RICH, { color: true }).replaceAll('\u001b[', '{');
    await expect(text).toMatchFileSnapshot(`${GOLDEN}/compare-color.txt`);
  });
});
