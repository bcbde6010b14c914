import { plural } from '../../base/sizes.ts';
import type { Level } from '../../check/rules.ts';
import { ANNOTATIONS, type Annotation, annotations, logLine } from '../markup/workflow.ts';
import { type CheckReporter, countOf } from './result.ts';
import { answer, eventRange, timeText } from './words.ts';

/** Annotations of GitHub Actions at the lines of the trace, and the answer in the log. */
export const githubReporter: CheckReporter = {
  help: 'annotations of GitHub Actions',
  render: (result) => {
    const of = (level: Level): Annotation[] =>
      result.traces.flatMap(({ name, findings }) =>
        findings
          .filter((finding) => finding.level === level)
          .map(({ kind, line, message, events = [] }) => ({
            title: `pgtrace: ${kind}`,
            message: [message, ...events.map(told)].join('\n'),
            ...(name === STDIN ? {} : { file: name }),
            line,
          })),
      );
    const [errors, warnings, notes] = [of('error'), of('warning'), of('note')];
    const left = [countOf(result, 'error') - ANNOTATIONS, countOf(result, 'warning') - ANNOTATIONS];
    const rest = [
      ...(left[0] > 0 ? [plural(left[0], 'error')] : []),
      ...(left[1] > 0 ? [plural(left[1], 'warning')] : []),
    ];
    const more: Annotation[] =
      rest.length === 0
        ? []
        : [{ title: 'pgtrace check', message: `${rest.join(' and ')} more; the text and json reports have them` }];
    return annotations(errors, warnings, [...more, ...notes]) + logLine(answer(result));
  },
};

const STDIN = '<stdin>';

function told(event: {
  seq: number;
  line: number;
  op: string;
  iova?: string;
  size?: number;
  ts?: number;
  end?: number;
}): string {
  const time = timeText(event);
  return `event ${event.seq}, line ${event.line}: ${event.op} ${eventRange(event)}${time === '' ? '' : `, ${time}`}`;
}
