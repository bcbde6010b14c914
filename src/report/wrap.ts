/** Colour codes take no room. */
const CODES = /\u001b\[[0-9;]*m/g;

/** Columns that a text takes on a terminal. */
function widthOf(text: string): number {
  return text.replace(CODES, '').length;
}

/**
 * Breaks lines that are wider than the terminal between words; what follows stands `indent` columns in. Without a width
 * nothing is broken: files and pipes have no edge.
 */
export function wrapped(text: string, width: number | null, indent: number): string {
  if (width === null) return text;
  return text
    .split('\n')
    .map((line) => (widthOf(line) <= width ? line : wrapLine(line, width, indent)))
    .join('\n');
}

function wrapLine(line: string, width: number, indent: number): string {
  const lines: string[] = [];
  let current = '';
  let used = 0;
  for (const word of line.split(/(?<=\S)(?=\s)/)) {
    const size = widthOf(word);
    if (used > 0 && used + size > width) {
      lines.push(current);
      current = ' '.repeat(indent) + word.trimStart();
      used = widthOf(current);
    } else {
      current += word;
      used += size;
    }
  }
  return [...lines, current].join('\n');
}
