import { Chalk } from 'chalk';
import { printable } from '../../base/printable.ts';
import { plural } from '../../base/sizes.ts';
import type { Finding } from '../../replay/results/findings.ts';
import { type Complaint, junitXml, type TestCase } from '../markup/junit.ts';
import { importNotes } from '../notes.ts';
import type { NamedDocument, StatsReporter } from '../reporter.ts';
import { verdictLine } from '../verdict.ts';
import { detailText, type JudgedRun, judgedRuns, kindText, troubleOf, unlistedText } from './judged.ts';

const PLAIN = new Chalk({ level: 0 });

/** One test for each trace, or for each allocator or driver under which it was replayed. */
export const junitReporter: StatsReporter = {
  help: 'JUnit XML: one test for each trace and allocator',
  render: (documents, { strict }) =>
    junitXml(
      'pgtrace replay',
      documents.flatMap((named) => casesOf(named, strict === true)),
    ),
};

function casesOf({ name, document }: NamedDocument, strict: boolean): TestCase[] {
  const trouble = troubleOf(document);
  const about = [verdictLine(document, PLAIN).trimEnd(), ...importNotes(document)].map(printable).join('\n');
  return judgedRuns(document, strict).map((run) => ({
    classname: printable(name),
    name: nameOf(run),
    ...(trouble === null ? {} : { error: { message: trouble, type: 'incomplete', text: trouble } }),
    ...(run.failing.length === 0 ? {} : { failure: failureOf(run) }),
    out: [about, ...run.allowed.map(lineOf), ...more(run.unlisted.allowed)].join('\n'),
  }));
}

/** The allocator, and the driver where one was asked for; one with tables of its own stands for both. */
function nameOf({ driver, allocator }: JudgedRun): string {
  return printable(driver === null || driver === allocator ? allocator : `${driver}, ${allocator}`);
}

function failureOf({ failing, unlisted }: JudgedRun): Complaint {
  const [first] = failing;
  const count = failing.length + unlisted.failing;
  return {
    message: `${plural(count, 'finding')}, the first: ${lineOf(first)}`,
    type: first.kind,
    text: [...failing.map(lineOf), ...more(unlisted.failing)].join('\n'),
  };
}

function more(count: number): string[] {
  return count === 0 ? [] : [unlistedText(count)];
}

function lineOf(finding: Finding): string {
  return `${kindText(finding.kind)}  line ${finding.line}, ${detailText(finding)}`;
}
