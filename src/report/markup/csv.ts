import { printable } from '../../base/printable.ts';

/** What a spreadsheet would take for the beginning of a formula. */
const FORMULA = /^[=+\-@]/;

/**
 * One record after RFC 4180, ended by a line feed alone as Unix tools have it. Control characters are spelled out, so that a
 * record is one line. A text that a spreadsheet would run as a formula gets an apostrophe in front, as spreadsheets themselves
 * mark text; numbers stay numbers.
 */
export function csvLine(fields: readonly (string | number)[]): string {
  return `${fields.map(field).join(',')}\n`;
}

function field(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const text = printable(value);
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
