import type { RunData } from '../../page-data.ts';
import { type Panel, panelsFor } from '../../panels.ts';
import type { Page } from '../page.ts';

/** One line of a chart: the most of each bucket, and the least where that differs somewhere. */
export interface Line {
  readonly label: string;
  readonly most: readonly number[];
  readonly least: readonly number[] | null;
}

/** One chart: lines against the same axis. */
export interface Chart {
  readonly title: string;
  readonly unit: Panel['unit'];
  readonly kind: Panel['kind'];
  readonly lines: readonly Line[];
}

/** What is on show, and the titles of charts that would show nothing but zero, or nothing but the same everywhere. */
export interface Selection {
  readonly charts: readonly Chart[];
  readonly leftOut: readonly string[];
}

/** The charts of one run; those in which nothing ever happens are left out. */
export function chartsOf(run: RunData, page: Page): Selection {
  const charts = panels([run]).map((panel) => ({
    title: panel.title,
    unit: panel.unit,
    kind: panel.kind,
    lines: panel.series.map(([key, label]) => lineOf(run, panel.kind, key, label, page)),
  }));
  const idle = (chart: Chart): boolean => chart.lines.every(({ most }) => most.every((value) => value === 0));
  return {
    charts: charts
      .filter((chart) => !idle(chart))
      .map((chart) => ({ ...chart, lines: chart.lines.filter(({ most }) => most.some((value) => value !== 0)) })),
    leftOut: charts.filter(idle).map(({ title }) => title),
  };
}

/** A chart for each metric with a line for each run; metrics in which all runs are alike are left out. */
export function overlaid(runs: readonly RunData[], page: Page): Selection {
  const all = panels(runs);
  const charts = all.flatMap((panel) =>
    panel.series.map(([key, label]) => ({
      title: panel.series.length === 1 ? panel.title : `${panel.title}: ${label}`,
      unit: panel.unit,
      kind: panel.kind,
      lines: runs.filter((run) => has(run, panel.kind, key)).map((run) => lineOf(run, panel.kind, key, run.name, page)),
    })),
  );
  const alike = ({ lines }: Chart): boolean =>
    lines.length === runs.length &&
    lines.every(({ most, least }) => equal(most, lines[0].most) && equal(least, lines[0].least));
  return {
    charts: charts.filter((chart) => !alike(chart)),
    leftOut: charts.filter(alike).map(({ title }) => title),
  };
}

function panels(runs: readonly RunData[]): Panel[] {
  const keys = (kind: Panel['kind']): string[] => [
    ...new Set(runs.flatMap((run) => (kind === 'gauge' ? run.gauges : run.counts).map(([key]) => key))),
  ];
  return panelsFor(keys('gauge'), keys('count'));
}

function has(run: RunData, kind: Panel['kind'], key: string): boolean {
  return kind === 'gauge' ? run.gauges.some(([name]) => name === key) : run.counts.some(([name]) => name === key);
}

function lineOf(run: RunData, kind: Panel['kind'], key: string, label: string, page: Page): Line {
  if (kind === 'count') {
    const place = run.counts.find(([name]) => name === key)?.[1] ?? 0;
    return { label, most: page.column(place), least: null };
  }
  const [, leastAt, aboveAt] = run.gauges.find(([name]) => name === key) ?? ['', 0, 0];
  const least = page.column(leastAt);
  const above = page.column(aboveAt);
  if (above.every((value) => value === 0)) return { label, most: least, least: null };
  return { label, most: least.map((value, at) => value + above[at]), least };
}

function equal(a: readonly number[] | null, b: readonly number[] | null): boolean {
  if (a === null || b === null) return a === b;
  return a.length === b.length && a.every((value, at) => value === b[at]);
}
