import { Chalk, type ChalkInstance } from 'chalk';
import { printable } from '../../base/printable.ts';
import { grouped, plural } from '../../base/sizes.ts';
import type { Level } from '../../check/rules.ts';
import type { FindingEvent, FindingKind } from '../../replay/results/findings.ts';
import { renderColumns } from '../columns.ts';
import { wrapped } from '../wrap.ts';
import type { CheckedTrace, CheckReporter, CheckResult, Judged } from './result.ts';
import { answer, eventRange, levelsInWords, overlapText, timeText, traceInWords } from './words.ts';

/** Rules about two operations at the same time; the others are about one after the other. */
const AT_ONCE: ReadonlySet<FindingKind> = new Set(['lock-conflict', 'dirty-race', 'install-race', 'thread-overlap']);
const LABEL = 10;
const HANG = 10;

/** For a person: the answer, then each rule that was broken with its findings. */
export const textReporter: CheckReporter = {
  help: 'the answer, and each finding with both events',
  render: (result, style) => {
    const ink = new Chalk({ level: style.color ? 1 : 0 });
    const text = [heading(result, ink), ...result.traces.map((trace) => traceText(trace, result, ink))].join('\n');
    return wrapped(text, style.width, HANG);
  },
};

function heading(result: CheckResult, ink: ChalkInstance): string {
  const text = answer(result);
  const word = text.slice(0, 2);
  return `${(result.failed ? ink.red : ink.green)(word)}${text.slice(2)}\n`;
}

function traceText(trace: CheckedTrace, result: CheckResult, ink: ChalkInstance): string {
  const head = `${ink.bold(printable(trace.name))}\n  ${traceInWords(trace)}\n`;
  const rows = trace.counts.map(({ rule, ...counts }) => ({ rule, text: levelsInWords(counts) }));
  const size = Math.max(0, ...rows.map(({ rule }) => rule.length));
  const counts = rows.map(({ rule, text }) => `  ${rule.padEnd(size)}  ${text}\n`).join('');
  const full = trace.full ? '  more operations met than are counted: the numbers are the least that there are\n' : '';
  return [head + counts + full, ...trace.counts.map(({ rule }) => ruleText(rule, trace, result, ink))].join('\n');
}

/** A rule in words, and the findings of it. */
function ruleText(kind: string, trace: CheckedTrace, result: CheckResult, ink: ChalkInstance): string {
  const rule = result.rules.find(({ name }) => name === kind);
  const count = trace.counts.find((counts) => counts.rule === kind);
  if (rule === undefined || count === undefined) return '';
  const findings = trace.findings.filter((finding) => finding.kind === kind);
  const shown = findings.slice(0, result.limit);
  const more = count.error + count.warning + count.note - shown.length;
  return [
    `${ink.bold(kind)}  ${rule.what}\n`,
    labelled('rule', rule.rule, ink),
    labelled('source', rule.source, ink),
    labelled('do', rule.fix, ink),
    ...shown.map((finding) => `\n${findingText(finding, trace.name, ink)}`),
    more > 0 ? ink.dim(`\n  ... and ${grouped(more)} more\n`) : '',
  ].join('');
}

function labelled(label: string, text: string, ink: ChalkInstance): string {
  return `  ${ink.dim(label.padEnd(LABEL - 2))}${text}\n`;
}

function findingText(finding: Judged, name: string, ink: ChalkInstance): string {
  const { level, line, domain, message, events = [] } = finding;
  const where = `${printable(name)}:${line}`;
  const head = `  ${painted(level, ink)(level)}  ${where}${domain === '' ? '' : `  domain ${printable(domain)}`}\n`;
  const overlap = overlapText(finding);
  return [
    head,
    `    ${printable(message)}\n`,
    eventTable(events, ink),
    events.length < 2 || overlap === ''
      ? ''
      : `    ${ink.dim(AT_ONCE.has(finding.kind) ? 'overlap' : 'between')}  ${overlap}\n`,
  ].join('');
}

/** The events, one a row. */
function eventTable(events: readonly FindingEvent[], ink: ChalkInstance): string {
  if (events.length === 0) return '';
  const table = renderColumns(
    events,
    [
      { title: 'event', align: 'right', cell: ({ seq }) => grouped(seq) },
      { title: 'line', align: 'right', cell: ({ line }) => grouped(line) },
      { title: 'queue', align: 'left', optional: true, cell: ({ queue }) => printable(queue ?? '') },
      { title: 'thread', align: 'left', optional: true, cell: ({ thread }) => printable(thread ?? '') },
      { title: 'operation', align: 'left', cell: ({ op }) => op },
      { title: 'range', align: 'left', optional: true, cell: eventRange },
      { title: 'time', align: 'left', optional: true, cell: timeText },
    ],
    (title) => ink.dim(title),
  );
  return table.replace(/^(?=.)/gm, '    ');
}

function painted(level: Level, ink: ChalkInstance): (text: string) => string {
  return level === 'error' ? ink.red : level === 'warning' ? ink.yellow : ink.cyan;
}

/** The rules as a table: `check --list-rules`. */
export function rulesText(rules: CheckResult['rules'], width: number | null): string {
  const blocks = rules.map(({ name, level, what, rule, source, fix }) =>
    [`${name}  (${level})`, `  ${what}`, `  rule    ${rule}`, `  source  ${source}`, `  do      ${fix}`].join('\n'),
  );
  return wrapped(`${plural(rules.length, 'rule')}\n\n${blocks.join('\n\n')}\n`, width, HANG);
}
