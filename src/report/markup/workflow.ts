import { printable } from '../../base/printable.ts';
import { shortened } from './shorten.ts';

/** GitHub shows no more of each kind for a step. */
export const ANNOTATIONS = 10;
const TITLE_LENGTH = 200;
const MESSAGE_LENGTH = 4_000;

export type AnnotationKind = 'error' | 'warning' | 'notice';

/** What GitHub shows beside a run, and at a line of a file where one is named. */
export interface Annotation {
  readonly title: string;
  /** May have several lines. */
  readonly message: string;
  readonly file?: string;
  /** From 1. */
  readonly line?: number;
}

/** A workflow command of GitHub Actions as one line. */
export function workflowCommand(kind: AnnotationKind, { title, message, file, line }: Annotation): string {
  const properties = [
    ...(file === undefined ? [] : [`file=${property(printable(file))}`]),
    ...(line === undefined ? [] : [`line=${line}`]),
    `title=${property(shortened(printable(title), TITLE_LENGTH))}`,
  ];
  const lines = message.split('\n').map(printable).join('\n');
  return `::${kind} ${properties.join(',')}::${data(shortened(lines, MESSAGE_LENGTH))}\n`;
}

/** A line of the log that the runner takes for no command, whatever is in it. */
export function logLine(text: string): string {
  // The runner's older form of commands may stand anywhere in a line, the other one at its beginning.
  const line = printable(text).replaceAll('##[', '## [');
  return `${line.trimStart().startsWith('::') ? `. ${line}` : line}\n`;
}

/** Annotations of all kinds, ten of each at most: a caller has more to say than that in one that stands for the rest. */
export function annotations(
  errors: readonly Annotation[],
  warnings: readonly Annotation[],
  notices: readonly Annotation[],
): string {
  const commands = (kind: AnnotationKind, all: readonly Annotation[]): string[] =>
    all.slice(0, ANNOTATIONS).map((one) => workflowCommand(kind, one));
  return [...commands('error', errors), ...commands('warning', warnings), ...commands('notice', notices)].join('');
}

function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
