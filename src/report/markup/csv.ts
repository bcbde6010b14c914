import { printable } from '../../base/printable.ts';

/** What a spreadsheet would take for the beginning of a formula, in the wide forms of East Asian texts, too. */
const FORMULA = /^[=+\-@\uff1d\uff0b\uff0d\uff20]/;

/**
 * Texts as fields after RFC 4180, with a comma between; a record ends with a line feed alone, as Unix tools have it. Control
 * characters are spelled out, so that a record is one line. A text that a spreadsheet would run as a formula gets an
 * apostrophe in front, as spreadsheets themselves mark text.
 */
export function csvFields(texts: readonly string[]): string {
  return texts.map(field).join(',');
}

function field(value: string): string {
  const text = printable(value);
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
