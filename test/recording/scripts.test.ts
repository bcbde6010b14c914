import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toolCommands } from '../../src/recording/commands.ts';
import { Machine } from './machine.ts';
import { recipeOf } from './recipes.ts';

const RECIPE = recipeOf('smmu', '6.12');
const REMOVALS = RECIPE.probes.map(({ name }) => `-:lpae/${name}`);
const RECORDERS = [
  ['trace-cmd', 'recording.dat', 'recording.dat'],
  ['perf', 'recording.perf.data', 'recording.perf.data'],
  ['bpftrace', 'recording.bpftrace.txt', 'recording.txt.gz'],
] as const;
const OUTPUTS = [['ftrace', 'recording.txt.gz'] as const, ...RECORDERS.map(([tool, , file]) => [tool, file] as const)];
/** Says that it runs, and then does so for longer than a test may. */
const LONG_WORK = ['sh', '-c', 'touch started; exec sleep 30'];

describe('a script', () => {
  let machine: Machine;
  beforeEach(() => {
    machine = new Machine({ machine: 'aarch64', release: '6.12.30-arm64' });
    machine.put('current_tracer', 'function\n');
    for (const [tool] of RECORDERS) machine.install(tool, 'touch called');
  });
  afterEach(() => machine.remove());

  /** What the script must leave, however it ends. */
  const expectNothingLeft = (): void => {
    expect(machine.file('kprobe_events').trim().split('\n').slice(-REMOVALS.length)).toEqual(REMOVALS);
    for (const group of ['lpae', 'iommu', 'dma']) expect(machine.file(`events/${group}/enable`), group).toBe('0\n');
    expect(machine.file('tracing_on').trim()).toBe('1');
    expect(machine.file('trace_clock')).toMatch(/^local$|\[local\]/m);
    expect(machine.file('current_tracer').trim()).toBe('function');
    // The fresh machine's `7 (expanded: 1408)` is 1408 as soon as it is used.
    expect(machine.file('buffer_size_kb').trim()).toBe('1408');
  };

  it.each(OUTPUTS)('of %s overwrites no recording', (tool, file) => {
    writeFileSync(join(machine.home, file), 'old');
    const { status, stderr } = machine.run(toolCommands(RECIPE, tool), ['true']);
    expect(status).toBe(1);
    expect(stderr).toContain(`${file} is there already`);
    expect(readFileSync(join(machine.home, file), 'utf8')).toBe('old');
    expect(existsSync(join(machine.home, 'called'))).toBe(false);
    expect(machine.file('kprobe_events')).toBe('');
  });

  it.each(RECORDERS)('of %s fails with it', (tool, file, output) => {
    const script = toolCommands(RECIPE, tool);
    for (const [body, text] of [
      ['exit 7', `${tool} failed (exit status 7)`],
      [`echo half > ${file}; exit 7`, `${tool} failed (exit status 7)`],
      [`: > ${file}`, `${tool} left no ${file}`],
      ['exit 0', `${tool} left no ${file}`],
    ]) {
      machine.install(tool, body);
      const { status, stderr } = machine.run(script, ['true']);
      expect(status, stderr).toBe(1);
      expect(stderr).toContain(text);
      expect(stderr).not.toContain('recorded:');
      rmSync(join(machine.home, file), { force: true });
      expect(existsSync(join(machine.home, output))).toBe(false);
    }
  });

  it.each(['trace-cmd', 'perf'] as const)('of %s tells the work that fails from the recorder', (tool) => {
    const file = tool === 'perf' ? 'recording.perf.data' : 'recording.dat';
    machine.install(tool, `echo data > ${file}; while [ "$1" != sh ]; do shift; done; exec "$@"`);
    const { status, stderr } = machine.run(toolCommands(RECIPE, tool), ['sh', '-c', 'exit 5']);
    expect(status, stderr).toBe(0);
    expect(stderr).toContain('the command failed (exit status 5); what it did is recorded');
    expect(stderr).toContain('recorded: ');
  });

  it('does nothing for a command that is not there', () => {
    const { status, stderr } = machine.run(toolCommands(RECIPE, 'ftrace'), ['no-such-command']);
    expect(status).toBe(1);
    expect(stderr).toContain('there is no command no-such-command');
    expect(machine.file('kprobe_events')).toBe('');
  });

  it('of ftrace leaves the settings as they were, when it succeeds and when it fails', () => {
    const script = toolCommands(RECIPE, 'ftrace');
    machine.put('buffer_size_kb', '7 (expanded: 1408)\n');
    const { status, stderr } = machine.run(script, ['cp', `${machine.tracing}/trace_clock`, 'clock']);
    expect(status, stderr).toBe(0);
    expect(readFileSync(join(machine.home, 'clock'), 'utf8')).toBe('mono\n');
    expectNothingLeft();
    rmSync(join(machine.home, 'recording.txt.gz'));
    machine.install('gzip', 'exit 1');
    machine.put('kprobe_events', '');
    const failed = machine.run(script, ['true']);
    expect(failed.status).toBe(1);
    expect(failed.stderr).toContain('there is no recording');
    expectNothingLeft();
  });

  it.each([
    ['SIGTERM', false],
    ['SIGHUP', false],
    ['SIGINT', true],
    ['SIGHUP', true],
  ] as const)('of ftrace saves and clears up on %s (to all: %s)', async (signal, all) => {
    const { status, stderr } = await machine.interrupt(toolCommands(RECIPE, 'ftrace'), LONG_WORK, signal, all);
    expect(status, stderr).toBe(0);
    expect(stderr).toContain('stopped; what was recorded until then is saved');
    expect(stderr).not.toContain('failed');
    expect(stderr).toContain('recorded: ');
    expect(existsSync(join(machine.home, 'recording.txt.gz'))).toBe(true);
    expectNothingLeft();
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('of perf lets it finish its file on %s', async (signal) => {
    // Ends as perf does: with the signal, after the file is complete.
    const body = `trap 'kill $!; echo data > recording.perf.data; exit 130' INT; sleep 30 & touch started; wait`;
    machine.install('perf', body);
    const all = signal === 'SIGINT';
    const { status, stderr } = await machine.interrupt(toolCommands(RECIPE, 'perf'), ['true'], signal, all);
    expect(status, stderr).toBe(0);
    expect(stderr).toContain('stopped; what was recorded until then is saved');
    expect(stderr).not.toContain('failed');
    expect(machine.file('kprobe_events').trim().split('\n').slice(-REMOVALS.length)).toEqual(REMOVALS);
  });

  it.each(['ftrace', 'trace-cmd', 'perf'] as const)('of %s asks for dma:* only where the kernel has it', (tool) => {
    rmSync(join(machine.tracing, 'events/dma'), { recursive: true });
    const file = tool === 'perf' ? 'recording.perf.data' : 'recording.dat';
    for (const [name] of RECORDERS) machine.install(name, `echo "$*" > called; echo data > ${file}`);
    const { status, stderr } = machine.run(toolCommands(RECIPE, tool), ['true']);
    expect(status, stderr).toBe(0);
    if (tool !== 'ftrace') expect(readFileSync(join(machine.home, 'called'), 'utf8')).not.toContain('dma');
    const other = new Machine({ machine: 'aarch64', release: '6.12.1' });
    other.install(tool, `echo "$*" > called; echo data > ${file}`);
    expect(other.run(toolCommands(RECIPE, tool), ['true']).status).toBe(0);
    if (tool === 'ftrace') expect(other.file('events/dma/enable')).toBe('0\n');
    else expect(readFileSync(join(other.home, 'called'), 'utf8')).toMatch(/ -e dma(?::\*)? /);
    other.remove();
  });
});
