import { printable } from './printable.ts';

/** Exit codes of the machine contract. */
export const EXIT_OK = 0;
export const EXIT_NO = 1;
export const EXIT_USAGE = 2;
export const EXIT_INPUT = 3;
export const EXIT_ENVIRONMENT = 4;
export const EXIT_BUG = 70;
export const EXIT_INTERRUPTED = 130;

/** A place in an input: a file (or `<stdin>`), a 1-based line and a 1-based column; 0 when there is none. */
export interface Place {
  /** Path as it was given, or `<stdin>`. */
  readonly file: string;
  /** Line, from 1. */
  readonly line: number;
  /** Column, from 1. */
  readonly column: number;
}

/** `file:line:column`, as much of it as is known. */
export function formatPlace(place: Place): string {
  const file = printable(place.file);
  if (place.line === 0) return file;
  return place.column === 0 ? `${file}:${place.line}` : `${file}:${place.line}:${place.column}`;
}

/** An error that is told to the person as one message: what was found, and what would be right. Never a stack trace. */
export class PgtraceError extends Error {
  /** Exit code that the command line ends with: 2 usage, 3 unusable input, 4 environment, 70 a bug. */
  readonly exitCode: number;
  /** Where in an input it is; null: nowhere in one. */
  readonly place: Place | null;

  /**
   * @param exitCode - exit code of the command line
   * @param message - what was found, and what would be right
   * @param place - where in an input; null: nowhere in one
   */
  constructor(exitCode: number, message: string, place: Place | null = null) {
    super(message);
    this.name = 'PgtraceError';
    this.exitCode = exitCode;
    this.place = place;
  }

  /** `file:line:column: message`, the form printed on stderr; what it quotes of an input cannot command a terminal. */
  get text(): string {
    const message = this.message.split('\n').map(printable).join('\n');
    return this.place === null ? message : `${formatPlace(this.place)}: ${message}`;
  }
}

/** Wrong use of the command line: exit 2. */
export function usageError(message: string): PgtraceError {
  return new PgtraceError(EXIT_USAGE, message);
}

/** An input that cannot be used: exit 3. */
export function inputError(message: string, place: Place | null = null): PgtraceError {
  return new PgtraceError(EXIT_INPUT, message, place);
}

/** Something outside that a retry may mend: exit 4. */
export function environmentError(message: string): PgtraceError {
  return new PgtraceError(EXIT_ENVIRONMENT, message);
}
