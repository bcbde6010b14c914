/** Options that come twice: every one that takes a value either refuses the second one or keeps both. */
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { declarationsFor } from '../../src/commands/command-list.ts';
import { refuseRepeated } from '../../src/commands/options/given-once.ts';
import { FakeIo, runCli } from './fake-io.ts';

const TRACE = '{"op":"map","iova":"0x1000","paddr":"0x2000","size":4096}\n';

describe('an option that takes one value', () => {
  it('refuses a second one, whatever the command', async () => {
    const { code, stdout, stderr } = await runCli(['replay', '-', '--kernel', '6.12', '--kernel', '7.1'], {
      stdin: TRACE,
    });
    expect({ code, stdout, stderr }).toEqual({
      code: 2,
      stdout: '',
      stderr: 'pgtrace: --kernel takes one value; found 6.12, then 7.1\n',
    });
    const seeds = await runCli(['gen', 'game', '--seed=7', '--seed', '7']);
    expect(seeds).toEqual({ code: 2, stdout: '', stderr: 'pgtrace: --seed takes one value; found 7, twice\n' });
    const files = await runCli(['import', '-', '-o', '/nowhere/a', '--output', '/nowhere/b']);
    expect(files.stderr).toBe('pgtrace: --output takes one value; found /nowhere/a, then /nowhere/b\n');
  });

  it('is any that does not keep all of its values', async () => {
    const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
    for (const declare of await declarationsFor(['--help'])) declare(program, new FakeIo(), () => {});
    const kept = new Set<string>();
    let refused = 0;
    for (const command of program.commands) {
      refuseRepeated(command);
      command.allowExcessArguments().action(() => {});
      for (const option of command.options.filter(({ required }) => required)) {
        const values = option.argChoices?.slice(0, 2) ?? ['1', '2'];
        const twice = values.map((value) => `${option.long}=${value}`);
        let said: string | null = null;
        try {
          program.parse([command.name(), ...twice, 'a', 'b'], { from: 'user' });
        } catch (error) {
          said = (error as Error).message;
        }
        const list = command.getOptionValue(option.attributeName());
        if (said === null) {
          expect(list.length, option.long).toBeGreaterThanOrEqual(values.length);
          kept.add(`${command.name()} ${option.long}`);
        } else {
          expect(said).toBe(`${option.long} takes one value; found ${values.join(', then ')}`);
          refused++;
        }
      }
    }
    expect(refused).toBeGreaterThan(200);
    expect([...kept].filter((name) => !/ --(allocator|driver|flush)$/.test(name))).toMatchInlineSnapshot(`
      [
        "replay --output",
        "replay --format",
        "replay --threshold",
        "replay --across",
        "replay --reserve-around",
        "dump --reserve-around",
        "check --rule",
        "check --output",
        "check --format",
        "check --reserve-around",
        "compare --output",
        "compare --format",
        "compare --threshold",
        "compare --across",
        "compare --reserve-around",
        "report --output",
        "report --format",
        "reduce --keep",
        "reduce --reserve-around",
        "sweep --granule",
        "sweep --job",
        "sweep --kernel",
        "sweep --reserve-around",
        "sweep --pgtable",
      ]
    `);
  });
});
