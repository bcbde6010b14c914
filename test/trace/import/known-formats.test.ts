import { describe, expect, it } from 'vitest';
import { lineReaders } from '../../../src/trace/import/log/registry.ts';
import { knownFormats } from '../../../src/trace/import/recognise.ts';
import { runCli } from '../../cli/fake-io.ts';

describe('formats that people are told of', () => {
  it('hold those of every reader of lines that has something to show', () => {
    const names = knownFormats().map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const readers = lineReaders({});
    const shown = readers.filter(({ example }) => example !== null);
    expect(shown.length).toBeGreaterThanOrEqual(4);
    expect(knownFormats().slice(-shown.length)).toEqual(
      shown.map(({ format, example }) => ({ name: format, example })),
    );
  });

  it('stand in columns where a file is of none of them, and in the manual', async () => {
    const { code, stderr } = await runCli(['replay', '-'], { stdin: 'a shopping list\nwith two lines\n' });
    expect(code).toBe(3);
    const rows = stderr.slice(stderr.indexOf('known formats:')).trimEnd().split('\n').slice(1);
    const wide = rows[0].indexOf('one JSON');
    expect(rows.map((row) => [row.slice(2, wide).trimEnd(), row.slice(wide)])).toEqual(
      knownFormats().map(({ name, example }) => [name, example]),
    );
    const { stdout } = await runCli(['man']);
    for (const { name } of knownFormats()) expect(stdout.replaceAll('\\', '')).toContain(name);
  });
});
