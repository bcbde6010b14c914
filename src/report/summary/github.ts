import { Chalk } from 'chalk';
import { plural } from '../../base/sizes.ts';
import type { Finding } from '../../replay/results/findings.ts';
import { ANNOTATIONS, type Annotation, annotations, logLine } from '../markup/workflow.ts';
import type { NamedDocument, StatsReporter } from '../reporter.ts';
import { verdictLine } from '../verdict.ts';
import { detailText, type JudgedRun, judgedRuns, kindText, troubleOf } from './judged.ts';

const PLAIN = new Chalk({ level: 0 });
/** What a trace is called that is no file. */
const STDIN = '<stdin>';

/** Annotations of GitHub Actions at the lines of the traces, and each verdict in the log. */
export const githubReporter: StatsReporter = {
  help: 'annotations of GitHub Actions at the lines of the traces',
  render: (documents, { strict }) => {
    if (documents.length === 0) return logLine('no traces');
    const judged = documents.map((named) => ({ named, runs: judgedRuns(named.document, strict === true) }));
    const of = (findings: (run: JudgedRun) => readonly Finding[]): Annotation[] =>
      judged.flatMap(({ named, runs }) => runs.flatMap((run) => findings(run).map((f) => annotation(named, run, f))));
    const unlisted = (count: (run: JudgedRun) => number): number =>
      judged.reduce((sum, { runs }) => sum + runs.reduce((own, run) => own + count(run), 0), 0);
    const errors = [...documents.flatMap(troubles), ...of(({ failing }) => failing)];
    const warnings = of(({ allowed }) => allowed);
    const more = rest(
      errors.length - ANNOTATIONS,
      unlisted((run) => run.unlisted.failing),
      warnings.length - ANNOTATIONS,
      unlisted((run) => run.unlisted.allowed),
    );
    const log = documents.map(({ name, document }) => logLine(`${verdictLine(document, PLAIN).trimEnd()} (${name})`));
    return annotations(errors, warnings, more) + log.join('');
  },
};

/** Whether annotations can belong to the trace: standard input, or what only statistics are left of, is no file. */
function isFile({ name, remembered }: NamedDocument): boolean {
  return name !== STDIN && remembered !== true;
}

function troubles(named: NamedDocument): Annotation[] {
  const { name, document } = named;
  const trouble = troubleOf(document);
  return trouble === null
    ? []
    : [{ ...(isFile(named) ? { file: name } : {}), title: 'pgtrace replay', message: `${name}: ${trouble}` }];
}

function annotation(named: NamedDocument, run: JudgedRun, finding: Finding): Annotation {
  const { name, document } = named;
  const whose = document.strategies === undefined ? '' : ` under ${run.driver ?? run.allocator}`;
  return {
    ...(isFile(named) ? { file: name } : {}),
    ...(finding.line > 0 && isFile(named) ? { line: finding.line } : {}),
    title: `${kindText(finding.kind)}${whose}`,
    message: isFile(named)
      ? detailText(finding)
      : `${name === STDIN ? '' : `${name} `}line ${finding.line}, ${detailText(finding)}`,
  };
}

/** How many findings have no annotation: those beyond the first ten, and those that were only counted. */
function rest(errors: number, failing: number, warnings: number, allowed: number): Annotation[] {
  const [moreErrors, moreWarnings] = [Math.max(0, errors) + failing, Math.max(0, warnings) + allowed];
  const parts = [
    ...(moreErrors === 0 ? [] : [plural(moreErrors, 'finding')]),
    ...(moreWarnings === 0 ? [] : [plural(moreWarnings, 'broken promise')]),
  ];
  if (parts.length === 0) return [];
  const message = `${parts.join(' and ')} more; the json report lists up to 50 of each kind`;
  return [{ title: 'pgtrace replay', message }];
}
