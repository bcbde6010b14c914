import { printable } from '../../base/printable.ts';

/** What XML 1.0 cannot hold, not even as a reference: lone surrogates and the two non-characters. */
const FORBIDDEN = /[\ud800-\udfff\ufffe\uffff]/gu;

/** Most texts by far need no look at each character. */
const PLAIN = /^[\n !#-%(-;=?-~]*$/;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** Text of an element or an attribute: control characters are spelled out, line feeds stay. */
export function xmlText(text: string): string {
  if (PLAIN.test(text)) return text;
  return text
    .split('\n')
    .map((line) => printable(line).replace(FORBIDDEN, '\ufffd'))
    .join('\n')
    .replace(/[&<>"']/g, (char) => ENTITIES[char]);
}

/** ` name="value"` for each; a value is one line. */
export function xmlAttributes(attributes: Readonly<Record<string, string | number>>): string {
  return Object.entries(attributes)
    .map(([name, value]) => ` ${name}="${xmlText(String(value)).replaceAll('\n', '&#10;')}"`)
    .join('');
}
