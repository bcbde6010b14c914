import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { declarationsFor } from '../../src/commands/command-list.ts';
import { FakeIo } from './fake-io.ts';

/** The commands that a command line declares. */
async function declared(...args: string[]): Promise<string[]> {
  const program = new Command();
  for (const declare of await declarationsFor(args)) declare(program, new FakeIo(), () => {});
  return program.commands.map((command) => command.name());
}

describe('a command line loads', () => {
  it('no command for the version', async () => {
    expect(await declared('--version')).toEqual([]);
    expect(await declared('-V')).toEqual([]);
  });

  it('the command that it names, and only that', async () => {
    for (const name of await declared()) {
      const all = name === 'man' || name === 'completion';
      if (!all) expect(await declared(name, 'x'), name).toEqual([name]);
      else expect((await declared(name)).length, name).toBeGreaterThan(10);
    }
  });

  it('all for help, and for what is no command', async () => {
    const all = await declared();
    expect(all.length).toBeGreaterThan(15);
    for (const word of ['help', '--help', 'replya', '__proto__', 'constructor', '-'])
      expect(await declared(word), word).toEqual(all);
  });
});
