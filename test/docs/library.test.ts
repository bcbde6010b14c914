import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { DRIVERS, FORMATS, KERNELS, PARTIAL_UNMAPS, QUIRKS } from '../../src/base/vocabulary.ts';
import * as library from '../../src/index.ts';
import { CONFLICT_POLICIES } from '../../src/replay/options.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LIBRARY = join(ROOT, 'docs/library');
const fresh = mkdtempSync(join(tmpdir(), 'pgtrace-docs-'));
afterAll(() => rmSync(fresh, { recursive: true, force: true }));

/** Pages of a folder by their names. */
function pages(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'));
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

/** The docstring of a type alias, as the page tells it. */
function aliasOf(name: string): string {
  const text = Object.values(pages(LIBRARY)).join('\n');
  const start = text.indexOf(`\n### ${name}\n`);
  expect(start, `a section for ${name}`).toBeGreaterThan(0);
  return text.slice(start, text.indexOf('\n***\n', start));
}

describe('the pages of the library', () => {
  it('are what the sources say now (`npm run docs` renews them), with nothing left undocumented', async () => {
    const typedoc = join(ROOT, 'node_modules/typedoc/bin/typedoc');
    // Warnings, such as of a member without a docstring, are errors: see typedoc.json.
    await promisify(execFile)(process.execPath, [typedoc, '--out', fresh], { cwd: ROOT });
    expect(pages(LIBRARY)).toEqual(pages(fresh));
  });

  it('tell of everything that can be imported', () => {
    for (const name of Object.keys(library)) expect(aliasOf(name.replace(/^([a-z]\w*)$/, '$1()'))).not.toBe('');
  });

  it.each([
    ['Driver', DRIVERS],
    ['Format', FORMATS],
    ['Kernel', KERNELS],
    ['PartialUnmap', PARTIAL_UNMAPS],
    ['Quirk', QUIRKS],
    ['ConflictPolicy', CONFLICT_POLICIES],
  ])('name every word of %s', (name, words) => {
    const section = aliasOf(name);
    for (const word of words) expect(section).toContain(`\`${word}\``);
  });
});
