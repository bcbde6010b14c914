import { describe, expect, it } from 'vitest';
import type { NamedDocument, ReportStyle, StatsReporter } from '../../../src/report/reporter.ts';
import { STATS_REPORTERS } from '../../../src/report/summary/registry.ts';
import { runCli } from '../../cli/fake-io.ts';
import { documentOf, PLAIN, RICH, replayed } from './fixture.ts';

const GOLDEN = '../../golden/report';
const reporter = (name: string): StatsReporter => {
  const found = STATS_REPORTERS.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no reporter ${name}`);
  return found;
};
const render = (name: string, documents: readonly NamedDocument[], style: Partial<ReportStyle> = {}): string =>
  reporter(name).render(documents, { ...PLAIN, ...style });

const ENDINGS: Readonly<Record<string, string>> = { markdown: 'md', csv: 'csv', junit: 'xml', github: 'log' };

describe('reports of statistics', () => {
  it('are known by name, and by the endings of files that only one of them has', () => {
    const endings = STATS_REPORTERS.flatMap((one) => one.endings);
    expect(new Set(endings).size).toBe(endings.length);
    expect(STATS_REPORTERS.slice(0, 6).map(({ name }) => name)).toEqual([
      'text',
      'json',
      'markdown',
      'csv',
      'junit',
      'github',
    ]);
  });

  it.each(Object.keys(ENDINGS))('as %s: one of everything', async (name) => {
    await expect(render(name, RICH)).toMatchFileSnapshot(`${GOLDEN}/replay.${ENDINGS[name]}`);
  });

  it.each(['junit', 'github'])('as %s: broken promises count under --strict', async (name) => {
    await expect(render(name, RICH, { strict: true })).toMatchFileSnapshot(`${GOLDEN}/replay-strict.${ENDINGS[name]}`);
  });

  it('of nothing, and of a trace that is fine', async () => {
    const of = (documents: readonly NamedDocument[]): string =>
      Object.keys(ENDINGS)
        .filter((name) => name !== 'csv')
        .map((name) => `--- ${name}\n${render(name, documents)}`)
        .join('');
    const fine = of([{ name: 'boot.ndjson', document: documentOf() }]);
    await expect(`${fine}=== no traces\n${of([])}`).toMatchFileSnapshot(`${GOLDEN}/replay-fine.txt`);
    expect(render('csv', [])).toBe('trace,driver,allocator,domain,metric,unit,direction,value\n');
  });

  it('as Markdown: allocators and drivers side by side, from replays', async () => {
    const allocators = await replayed('over-reservation.ndjson', '--allocator', 'all');
    const drivers = await replayed('bind-needless-widening.ndjson', '--driver', 'all');
    const text = [allocators, drivers].map((named) => render('markdown', [named])).join('\n');
    await expect(text).toMatchFileSnapshot(`${GOLDEN}/replay-strategies.md`);
  });

  it('as text and as JSON are what replay prints', async () => {
    const path = new URL('../../../traces/steal.ndjson', import.meta.url).pathname;
    const named = [await replayed('steal.ndjson'), await replayed('steal.ndjson', '--kernel', '6.12')];
    const printed = async (...args: string[]): Promise<string> =>
      (await runCli(['replay', path, ...args])).stdout.replace(path, 'traces/steal.ndjson');
    expect(render('json', named)).toBe((await printed('--json')) + (await printed('--json', '--kernel', '6.12')));
    expect(render('text', named)).toBe(`${await printed()}\n${await printed('--kernel', '6.12')}`);
  });
});
