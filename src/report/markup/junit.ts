import { xmlAttributes, xmlText } from './xml.ts';

/** Why a test failed, or could not be done: a line that sums it up, and all lines. */
export interface Complaint {
  readonly message: string;
  readonly type: string;
  readonly text: string;
}

export interface TestCase {
  readonly classname: string;
  readonly name: string;
  /** It was judged, and the answer is no. */
  readonly failure?: Complaint;
  /** It could not be judged. */
  readonly error?: Complaint;
  /** What is worth knowing of it all the same. */
  readonly out?: string;
}

/** One suite in the XML of JUnit, ended by a line feed. Without times: nothing was measured. `out`: about the whole suite. */
export function junitXml(suite: string, cases: readonly TestCase[], out = ''): string {
  const counts = {
    tests: cases.length,
    failures: cases.filter(({ failure }) => failure !== undefined).length,
    errors: cases.filter(({ error }) => error !== undefined).length,
    skipped: 0,
  };
  const head = xmlAttributes({ name: suite, ...counts });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>\n',
    `<testsuites${head}>\n`,
    `  <testsuite${head}>\n`,
    ...cases.map(caseXml),
    output(out, '    '),
    '  </testsuite>\n',
    '</testsuites>\n',
  ].join('');
}

function caseXml({ classname, name, failure, error, out = '' }: TestCase): string {
  const head = `    <testcase${xmlAttributes({ classname, name })}`;
  const inside = [complaint('error', error), complaint('failure', failure), output(out, '      ')].join('');
  return inside === '' ? `${head}/>\n` : `${head}>\n${inside}    </testcase>\n`;
}

function complaint(element: string, what: Complaint | undefined): string {
  if (what === undefined) return '';
  const { message, type, text } = what;
  return `      <${element}${xmlAttributes({ message, type })}>${xmlText(text)}</${element}>\n`;
}

function output(text: string, indent: string): string {
  return text === '' ? '' : `${indent}<system-out>${xmlText(text)}</system-out>\n`;
}
