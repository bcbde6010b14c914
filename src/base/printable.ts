/*
 * C0 and C1 controls, line separators, characters that reorder text, those that nobody sees and that make two names look the
 * same, and halves of surrogate pairs, which stand for nothing.
 */
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\p{Cs}\u{e0000}-\u{e007f}]/gu;

/** A name from an input as it may go to a terminal: whatever could move the cursor or recolour it is spelled out. */
export function printable(text: string): string {
  return text.replace(UNSAFE, spelledOut);
}

function spelledOut(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x100) return `\\x${hex(code, 2)}`;
  return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\u{${hex(code, 5)}}`;
}

/** JSON as JSON.stringify makes it, of which nothing can command a terminal either: the same value when it is parsed. */
export function printableJson(json: string): string {
  return json.replace(UNSAFE, (char) => (char < ' ' ? char : escaped(char)));
}

/** Both halves of what has two. */
function escaped(char: string): string {
  return Array.from({ length: char.length }, (_, at) => `\\u${hex(char.charCodeAt(at), 4)}`).join('');
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}
