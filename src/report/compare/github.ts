import { printable } from '../../base/printable.ts';
import { plural } from '../../base/sizes.ts';
import type { CompareResult, MetricVerdict, RowComparison } from '../../stats/compare/result.ts';
import { ANNOTATIONS, type Annotation, annotations, logLine } from '../markup/workflow.ts';
import type { CompareReporter } from '../reporter.ts';
import { closing } from './verdict-words.ts';
import { changeText, rowName, thresholdText } from './words.ts';

/** Changes told of one row, and rows or notices told in one annotation. */
const TOLD = 8;

/** Annotations of GitHub Actions: errors for what fails, warnings for what is allowed, and the answer in the log. */
export const githubReporter: CompareReporter = {
  help: 'annotations of GitHub Actions',
  render: (result) => {
    const { rows, warnOnly } = result;
    const failing = rows.filter(({ allowed }) => !allowed);
    const worse = rows.filter((row) => row.allowed && (has(row, 'worse') || row.verdict === 'missing'));
    const [errors, warnings] = warnOnly ? [[], [...failing, ...worse]] : [failing, worse];
    const shown = [errors, warnings].map((all) => all.slice(0, ANNOTATIONS).map(annotation));
    const more = rest(errors.length - ANNOTATIONS, warnings.length - ANNOTATIONS);
    return annotations(shown[0], shown[1], [...more, ...notices(result)]) + logLine(closing(result));
  },
};

function has({ changes }: RowComparison, verdict: MetricVerdict): boolean {
  return changes.some((change) => change.verdict === verdict);
}

/** A row with what is worst in it. */
function annotation(row: RowComparison): Annotation {
  const told = row.changes.filter(({ verdict }) => verdict === 'regressed' || verdict === 'worse');
  const changes = (told.length > 0 ? told : row.changes).map((change) => {
    const threshold = thresholdText(change);
    return `${change.verdict}: ${changeText(change)}${threshold === '' ? '' : `, ${threshold}`}`;
  });
  const lines = row.verdict === 'missing' ? ['missing in the new statistics'] : first(changes, 'change');
  return { title: `${row.verdict}: ${rowName(row)}`, message: lines.join('\n') };
}

/** How many rows have no annotation of their own. */
function rest(errors: number, warnings: number): Annotation[] {
  const parts = [
    ...(errors > 0 ? [`${plural(errors, 'row')} more ${errors === 1 ? 'fails' : 'fail'}`] : []),
    ...(warnings > 0 ? [`${plural(warnings, 'row')} more ${warnings === 1 ? 'has' : 'have'} warnings`] : []),
  ];
  if (parts.length === 0) return [];
  return [{ title: 'pgtrace compare', message: `${parts.join(', ')}; the text and json reports have them all` }];
}

/** What is better, what is new and what a reader should know, one notice each. */
function notices({ rows, notices: known }: CompareResult): Annotation[] {
  const better = rows.filter((row) => row.allowed && has(row, 'better'));
  const added = rows.filter(({ verdict }) => verdict === 'new');
  const best = better.map((row) => {
    const [change] = row.changes.filter(({ verdict }) => verdict === 'better');
    return `${rowName(row)}: ${changeText(change)}`;
  });
  return [
    ...note(`${plural(better.length, 'row')} with improvements`, best, 'row'),
    ...note(`${plural(added.length, 'row')} new`, added.map(rowName), 'row'),
    ...note('pgtrace compare', known.map(printable), 'note'),
  ];
}

function note(title: string, lines: readonly string[], noun: string): Annotation[] {
  return lines.length === 0 ? [] : [{ title, message: first(lines, noun).join('\n') }];
}

/** The first lines, and how many follow. */
function first(lines: readonly string[], noun: string): string[] {
  const rest = lines.length - TOLD;
  return rest <= 0 ? [...lines] : [...lines.slice(0, TOLD), `... and ${plural(rest, noun)} more`];
}
