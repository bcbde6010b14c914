/** A page of `docs/` as somebody follows it: what to write, what to change, what to type and what is printed then. */
export interface Page {
  /** Whole files, by path. */
  readonly files: readonly { readonly path: string; readonly text: string }[];
  /** Changes of files that are there, in the notation of diff, without line numbers. */
  readonly changes: readonly { readonly path: string; readonly hunk: string }[];
  readonly sessions: readonly Session[];
}

/** A command and the lines of its output; `...` stands for any number of others. */
export interface Session {
  readonly command: string;
  readonly output: readonly string[];
}

const FENCE = /^(?:\*\*`([^`]+)`\*\*\n\n)?```(\w*)\n([\s\S]*?)^```$/gm;

/** Takes a page apart. A path in bold stands above the block that it names; changes without one go on with the file before. */
export function parsePage(markdown: string): Page {
  const files: Page['files'][number][] = [];
  const changes: Page['changes'][number][] = [];
  const sessions: Session[] = [];
  let current = '';
  for (const [, path, language, text] of markdown.matchAll(FENCE)) {
    if (path !== undefined) current = path;
    if (language === 'diff') changes.push({ path: current, hunk: text });
    else if (language === 'console') sessions.push(...sessionsOf(text));
    else if (path !== undefined) files.push({ path, text });
  }
  return { files, changes, sessions };
}

/** Commands behind `$ `, each with the lines below it. */
export function sessionsOf(text: string): Session[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [command, ...output] = part.trimEnd().split('\n');
      return { command, output };
    });
}

/** The text with a hunk applied; throws unless the lines that it names are there exactly once. */
export function applyHunk(text: string, hunk: string): string {
  const lines = text.split('\n');
  const changed = hunk.trimEnd().split('\n');
  const side = (other: string): string[] => changed.filter((line) => line[0] !== other).map((line) => line.slice(1));
  const before = side('+');
  const starts = [...lines.keys()].filter((at) => before.every((line, i) => lines[at + i] === line));
  const [at] = starts;
  if (starts.length !== 1)
    throw new Error(`these lines are there ${starts.length} times, not once:\n${before.join('\n')}`);
  return lines.toSpliced(at, before.length, ...side('-')).join('\n');
}

/** The first line that is missed, with `...` for any lines between; null when the output is as shown. */
export function firstMissing(shown: readonly string[], printed: readonly string[]): string | null {
  let at = 0;
  let free = false;
  for (const line of shown) {
    if (line === '...') {
      free = true;
      continue;
    }
    const found = free ? printed.indexOf(line, at) : printed[at] === line ? at : -1;
    if (found < 0) return line;
    at = found + 1;
    free = false;
  }
  return free || at === printed.length ? null : `(the end, not ${JSON.stringify(printed[at])})`;
}
