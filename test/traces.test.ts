import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runCli } from './cli/fake-io.ts';

const TRACES = new URL('../traces/', import.meta.url).pathname;
const names = readdirSync(TRACES).filter((name) => /\.(ndjson|txt)(\.gz)?$/.test(name));

/** The recording whose requests carry no address space: several devices collide in one table. */
const COLLIDES = 'smmuv3-boot-6.1.txt.gz';

async function replay(name: string, ...args: string[]): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await runCli(['replay', `${TRACES}${name}`, ...args]);
  return { code, text: (stdout + stderr).replaceAll(TRACES, 'traces/') };
}

describe('every trace that ships', () => {
  it('is here', () => {
    expect(names.filter((name) => name.endsWith('.ndjson')).length).toBeGreaterThanOrEqual(6);
    expect(names.filter((name) => name.endsWith('.txt.gz')).length).toBeGreaterThanOrEqual(2);
  });

  it.each(names)('%s replays to its golden text', async (name) => {
    const { code, text } = await replay(name);
    await expect(text).toMatchFileSnapshot(`golden/traces/${name}.replay.txt`);
    expect(code).toBe(name === COLLIDES ? 1 : 0);
  });

  it.each(names.filter((name) => name.endsWith('.ndjson')))('%s gives its golden result lines', async (name) => {
    const { text } = await replay(name, '--results', '-', '--events', '--flush', 'smmuv3');
    // The 512 pages of a whole table would fill screens: runs of ADD_PAGE beyond the third are folded.
    const folded = text.replace(
      /(?:(\["ADD_PAGE","0x[0-9a-f]+",\d+\],){3})(?:\["ADD_PAGE","0x[0-9a-f]+",\d+\],)+/g,
      (run) => {
        const pages = run.split('],').length - 1;
        return `${run.split('],').slice(0, 3).join('],')}],<${pages - 3} more>,`;
      },
    );
    await expect(folded).toMatchFileSnapshot(`golden/traces/${name}.results.txt`);
  });

  it.each(names.filter((name) => name.endsWith('.ndjson')))('%s leaves its golden page tables', async (name) => {
    const { stdout } = await runCli(['dump', `${TRACES}${name}`, '--view', 'ranges']);
    await expect(stdout).toMatchFileSnapshot(`golden/traces/${name}.ranges.txt`);
  });
});

describe('lessons say what they show', () => {
  it('on both kernels: a part of a block', async () => {
    const lesson = 'partial-unmap-7.1.ndjson';
    expect((await replay(lesson)).text).toContain('1 partial-unmap');
    const other = await replay(lesson, '--kernel', '6.12');
    // Under the other kernel the lesson's own expectation fails, which is its point.
    expect(other.code).toBe(1);
    expect(other.text).toContain('expectation  line 5');
    expect((await replay('partial-unmap-6.12.ndjson', '--partial-unmap', 'refuse')).code).toBe(1);
  });
});
