import { inputError, type PgtraceError } from '../../../base/errors.ts';

/** An error about a recording as a whole. */
export function recordingError(name: string, message: string): PgtraceError {
  return inputError(message, { file: name, line: 0, column: 0 });
}

/** What a person can do about a file that ends too early. */
export const COPY_AGAIN = 'copy the file again';
/** What a person can do about a form that is not read. */
export const CONVERT = 'convert it with `trace-cmd report FILE > trace.txt`';
