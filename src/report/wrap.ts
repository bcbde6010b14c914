/** Colour codes take no room. */
const CODES = /\u001b\[[0-9;]*m/g;

/** Stands for a space at which no line is broken. */
const HELD = '\u0001';

/** A command within words: lines are broken before and after it, so that it can be pasted from where it stands. */
export function unbroken(command: string): string {
  return command.replaceAll(' ', HELD);
}

/** Columns that a text takes on a terminal. */
function widthOf(text: string): number {
  return text.replace(CODES, '').length;
}

/**
 * Breaks lines that are wider than the terminal between words; what follows stands `indent` columns in. Without a width
 * nothing is broken: files and pipes have no edge.
 */
export function wrapped(text: string, width: number | null, indent: number): string {
  const broken =
    width === null
      ? text
      : text
          .split('\n')
          .map((line) => (widthOf(line) <= width ? line : wrapLine(line, width, indent)))
          .join('\n');
  return broken.replaceAll(HELD, ' ');
}

/** What stands apart from an example behind it, on the same line. */
const REMARK = /^( +\S.*?) {3,}(\S.*)$/;

/**
 * Fits notes with examples into a terminal. Paragraphs that are too wide are filled anew; an indented line is an example,
 * which is never broken: what is said behind it goes below.
 */
export function fittedNotes(text: string, width: number | null): string {
  if (width === null) return text;
  const fits = (line: string): boolean => widthOf(line) <= width;
  const done: string[] = [];
  const lines = text.split('\n');
  for (let i = 0; i < lines.length; ) {
    const isProse = (line: string | undefined): boolean => line !== undefined && /^\S/.test(line);
    let end = i + 1;
    if (isProse(lines[i])) while (isProse(lines[end])) end++;
    const block = lines.slice(i, end);
    i = end;
    const [, example, remark] = REMARK.exec(block[0]) ?? [];
    if (block.every(fits)) done.push(...block);
    else if (isProse(block[0])) done.push(wrapped(block.join(' '), width, 0));
    else if (example === undefined) done.push(...block);
    else done.push(example, wrapped(`      ${remark}`, width, 6));
  }
  return done.join('\n');
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
