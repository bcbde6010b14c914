/** What a line says of one key. */
export interface Value {
  readonly text: string;
  /** Where it begins in the line. */
  readonly at: number;
}

export type Values = ReadonlyMap<string, Value>;

/** A line in its parts. */
export interface KeyValueLine {
  readonly values: Values;
  /** The words before the first value. */
  readonly words: readonly string[];
}

const COMMA = 0x2c;
const SEMICOLON = 0x3b;

/**
 * Cuts a line into `key=value`, `key = value` and, for keys that are known, `key: value`. Values are parted by blanks,
 * commas and semicolons; one in double quotes may hold them.
 */
export function splitLine(line: string, known: ReadonlySet<string>): KeyValueLine {
  const values = new Map<string, Value>();
  const words: string[] = [];
  /** The key whose value comes next. */
  let key: string | null = null;
  for (let at = 0; at < line.length; at++) {
    if (isSeparator(line.charCodeAt(at))) continue;
    const end = tokenEnd(line, at);
    const token = line.slice(at, end);
    const equals = token.indexOf('=');
    if (key !== null && (equals <= 0 || !known.has(token.slice(0, equals)))) {
      if (token !== '=') {
        const start = equals === 0 ? 1 : 0;
        set(values, key, token.slice(start), at + start);
        key = null;
      }
    } else {
      const cut = equals > 0 ? equals : keyEnd(token, known);
      const wanted = cut === token.length ? followedByEquals(line, end) : cut === token.length - 1;
      key = cut > 0 && wanted ? token.slice(0, cut) : null;
      if (cut > 0 && cut < token.length - 1) set(values, token.slice(0, cut), token.slice(cut + 1), at + cut + 1);
      else if (key === null && values.size === 0) words.push(token);
    }
    at = end;
  }
  return { values, words };
}

/** Where a known key ends that has a colon behind it, or is the whole token; 0 for other tokens. */
function keyEnd(token: string, known: ReadonlySet<string>): number {
  const colon = token.indexOf(':');
  const end = colon < 0 ? token.length : colon;
  return known.has(token.slice(0, end)) ? end : 0;
}

function followedByEquals(line: string, from: number): boolean {
  return /^\s{0,8}=/.test(line.slice(from, from + 9));
}

/** The first of several values with the same key counts. */
function set(values: Map<string, Value>, key: string, text: string, at: number): void {
  const quoted = /^"([^"]*)"$/.exec(text);
  if (!values.has(key)) values.set(key, { text: quoted === null ? text : quoted[1], at });
}

/** The end of what begins at `start`: up to a separator, or the closing quote of a value. */
function tokenEnd(line: string, start: number): number {
  let at = start;
  while (at < line.length && !isSeparator(line.charCodeAt(at))) {
    if (line[at] === '"') {
      const close = line.indexOf('"', at + 1);
      if (close < 0) return line.length;
      at = close;
    }
    at++;
  }
  return at;
}

function isSeparator(code: number): boolean {
  return code <= 0x20 || code === COMMA || code === SEMICOLON;
}
