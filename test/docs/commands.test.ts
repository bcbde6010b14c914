import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runCli } from '../cli/fake-io.ts';

const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url));

/** `npm run docs` runs this with -u, which writes the pages. */
describe('the pages of the commands', async () => {
  const index = (await runCli(['man', '--markdown'])).stdout;
  const names = [...index.matchAll(/\]\(([a-z]+)\.md\)/g)].map(([, name]) => name);

  it('are listed', async () => {
    expect(names.length).toBeGreaterThan(10);
    await expect(index).toMatchFileSnapshot(`${DOCS}commands/index.md`);
  });

  it.each(names)('%s says what the command says of itself', async (name) => {
    const page = await runCli(['man', name, '--markdown']);
    expect(page.code).toBe(0);
    await expect(page.stdout).toMatchFileSnapshot(`${DOCS}commands/${name}.md`);
  });

  it('are of commands that there are', () => {
    expect(existsSync(DOCS)).toBe(true);
    const pages = readdirSync(`${DOCS}commands`).filter((page) => page !== 'index.md');
    expect(pages.sort()).toEqual(names.map((name) => `${name}.md`).sort());
  });

  it('are told of what is not there', async () => {
    const wrong = await runCli(['man', 'replya', '--markdown']);
    expect([wrong.code, wrong.stderr]).toEqual([2, 'pgtrace: no command "replya" (did you mean replay?)\n']);
    expect((await runCli(['man', 'replay'])).code).toBe(2);
  });
});
