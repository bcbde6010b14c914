import { wrapped } from '../../report/wrap.ts';

/*
 * The little roff that a manual page needs, with the macros of man(7). Every function gives whole lines.
 */

/** Text as roff prints it, with none of its own letters. */
export function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('`', '\\(ga')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti');
}

/** A line of text; one that begins with a dot is no request. */
function line(text: string): string {
  return `${text.startsWith('.') ? '\\&' : ''}${text.trimEnd()}\n`;
}

/** Bytes of a line of the source. */
const MOST_BYTES = 79;

/** Sentences begin on lines of their own, as roff wants them; words in backquotes are bold. */
export function prose(text: string): string {
  return text
    .split(/(?<=[.:]) (?=[A-Z\x60])/)
    .flatMap((sentence) => wrapped(marked(sentence), MOST_BYTES, 0).split('\n'))
    .map(line)
    .join('');
}

function marked(sentence: string): string {
  return sentence
    .split('`')
    .map((piece, i) => (i % 2 === 1 ? bold(piece) : escaped(piece)))
    .join('');
}

export function bold(text: string): string {
  return `\\fB${escaped(text)}\\fP`;
}

export function italic(text: string): string {
  return `\\fI${escaped(text)}\\fP`;
}

export function section(title: string, body: string): string {
  return `.SH ${title}\n${body}`;
}

export function subsection(title: string, body: string): string {
  return `.SS ${title}\n${body}`;
}

export function paragraph(body: string): string {
  return `.PP\n${body}`;
}

/** A term, already marked up, and what it means below it. */
export function item(term: string, body: string): string {
  return `.TP\n${line(term)}${body}`;
}

/** Lines as they are. */
export function verbatim(lines: readonly string[]): string {
  const body = lines.map((text) => line(escaped(text))).join('');
  return `.nf\n.RS 4\n${body}.RE\n.fi\n`;
}
