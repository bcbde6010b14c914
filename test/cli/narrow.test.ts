/** Narrow terminals: words are broken, commands never are. */
import { describe, expect, it } from 'vitest';
import { runCli } from './fake-io.ts';

const COLUMNS = 50;

async function shown(line: string, columns: number | null): Promise<string> {
  const options = columns === null ? {} : { terminal: { columns, colors: false } };
  return (await runCli(line.split(' '), options)).stdout;
}

/** Lines that could be pasted: those that stand in, as a whole. */
function commandsIn(text: string): string[] {
  return text.split('\n').filter((line) => /^ {2,}\S/.test(line));
}

describe('a narrow terminal', () => {
  it.each(['--help', 'help dump', 'help reduce', 'help windows', 'help sweep', 'help completion'])(
    'breaks all of `%s` but examples',
    async (line) => {
      const [wide, narrow] = [await shown(line, null), await shown(line, COLUMNS)];
      const footer = (text: string): string => text.slice(text.search(/\n(Examples:|Of a trace|In ~)/));
      const examples = commandsIn(footer(wide)).map((example) => example.replace(/(\S) {3,}.*/, '$1'));
      expect(examples.length).toBeGreaterThan(1);
      expect(narrow.split('\n')).toEqual(expect.arrayContaining(examples));
      // A word of an option may be wider than its column.
      const tooWide = footer(narrow)
        .split('\n')
        .filter((text) => text.length > COLUMNS);
      expect(tooWide.filter((text) => !examples.includes(text))).toEqual([]);
      expect(narrow.replaceAll(/\s+/g, ' ')).toContain(footer(wide).replaceAll(/\s+/g, ' ').trim().slice(-60));
    },
  );

  it.each(['--smmu', '--panthor', '--msm', '--iommufd'])(
    'breaks the words of record %s, and no command',
    async (target) => {
      const [wide, narrow] = [await shown(`record ${target}`, null), await shown(`record ${target}`, COLUMNS)];
      const lines = new Set(wide.split('\n'));
      const tooWide = narrow.split('\n').filter((line) => line.length > COLUMNS);
      // Whole lines of the sheet that stand in are commands; within words there are some, too, each on a line of its own.
      const rows = /^ {4}\w+ +(entry|return) of/;
      expect(
        tooWide.filter(
          (line) =>
            !(lines.has(line) && line.startsWith('    ') && !rows.test(line)) &&
            !/^ {2}(pgtrace record|gzip) /.test(line),
        ),
      ).toEqual([]);
      expect(narrow).toContain(`\n  pgtrace record ${target} --kernel 7.1 --tool ftrace | sudo sh -s -- COMMAND\n`);
      for (const line of lines)
        if (line.startsWith('    ') && !rows.test(line)) expect(narrow).toContain(`\n${line}\n`);
      expect(narrow.replaceAll(/\s+/g, ' ')).toBe(wide.replaceAll(/\s+/g, ' '));
    },
  );

  it.each(['allocators', 'flushes', 'gen --list'])('breaks what is said below the list of `%s`', async (line) => {
    const narrow = (await shown(line, COLUMNS)).split('\n');
    const below = narrow.slice(narrow.findIndex((text) => text.startsWith('Use them')));
    expect(below.filter((text) => text.length > COLUMNS && !/^ {2}pgtrace /.test(text))).toEqual([]);
  });
});
