import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyHunk, firstMissing, parsePage } from './page.ts';
import { Tree } from './tree.ts';

const NAMES = ['allocator', 'flush-policy', 'importer', 'reporter'];
/** Lines of an example without imports, comments and empty ones. */
const ABOUT_TWENTY = 24;
/** Files that have to know of something new: its registry, and where people read the names before anything is loaded. */
const TOLD: Readonly<Record<string, number>> = { allocator: 1, 'flush-policy': 1, importer: 1, reporter: 2 };

const pages = NAMES.map((name) => {
  const text = readFileSync(new URL(`../../docs/extending/${name}.md`, import.meta.url), 'utf8');
  return { name, page: parsePage(text) };
});

/** All pages are followed in one copy of the sources, which is built once. */
describe('the pages on how to add', () => {
  const tree = new Tree();
  let complaints: string[] = [];
  beforeAll(() => {
    for (const { page } of pages) tree.follow(page);
    complaints = tree.build();
  }, 120_000);
  afterAll(() => tree.remove());

  it('give code that compiles and that the linter takes', async () => {
    expect(complaints).toEqual([]);
    expect(await tree.lint()).toBeNull();
  });

  it.each(pages)('$name: new code is short, and so is its registration', ({ name, page }) => {
    const code = page.files.filter(({ path }) => path.endsWith('.ts'));
    expect(code.length).toBe(1);
    const body = code[0].text.replaceAll(/^import [^;]*;$/gm, '').split('\n');
    const lines = body.filter((line) => line.trim() !== '' && !line.trim().startsWith('/**'));
    expect(lines.length).toBeGreaterThan(8);
    expect(lines.length).toBeLessThanOrEqual(ABOUT_TWENTY);
    expect(new Set(page.changes.map(({ path }) => path)).size).toBe(TOLD[name]);
  });

  it.each(pages)('$name: commands print what is shown', async ({ page }) => {
    expect(page.sessions.length).toBeGreaterThan(1);
    for (const { command, output } of page.sessions) {
      const printed = (await tree.run(command)).trimEnd();
      const lines = printed === '' ? [] : printed.split('\n').map((line) => line.trimEnd());
      expect(firstMissing(output, lines), `${command}\n${printed}`).toBeNull();
    }
  });
});

describe('what follows pages', () => {
  it('takes hunks only where they fit, once', () => {
    expect(applyHunk('a\nb\nc\n', ' a\n+x\n b\n')).toBe('a\nx\nb\nc\n');
    expect(applyHunk('a\nb\n', '-a\n+x\n')).toBe('x\nb\n');
    expect(() => applyHunk('a\nb\n', ' z\n+x\n')).toThrow('0 times');
    expect(() => applyHunk('a\na\n', ' a\n+x\n')).toThrow('2 times');
  });

  it('sees lines that are missing, elsewhere, or too many', () => {
    expect(firstMissing(['a', '...', 'd'], ['a', 'b', 'c', 'd'])).toBeNull();
    expect(firstMissing(['...', 'b', '...'], ['a', 'b', 'c'])).toBeNull();
    expect(firstMissing(['a', 'c'], ['a', 'b', 'c'])).toBe('c');
    expect(firstMissing(['a'], ['a', 'b'])).toContain('the end');
    expect(firstMissing(['...', 'c', 'b'], ['b', 'c'])).toBe('b');
  });
});
