import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { allCommands, TOOLS, toolCommands } from '../../src/recording/commands.ts';
import { definition } from '../../src/recording/probe.ts';
import { COMMAND_LINE_BYTES } from '../../src/recording/text/boot.ts';
import { Machine } from './machine.ts';
import { RECIPES, recipeOf } from './recipes.ts';

describe.each(RECIPES)('the commands of %s', (_, recipe) => {
  it('are shell commands and one boot line', () => {
    const texts = { ...allCommands(recipe), boot: toolCommands(recipe, 'boot') };
    expect(Object.keys(texts)).toEqual(expect.arrayContaining([...TOOLS]));
    for (const [name, text] of Object.entries(texts)) {
      expect(text.endsWith('\n'), name).toBe(true);
      expect(text, name).not.toMatch(/undefined|NaN|\[object/);
      if (name === 'boot') continue;
      const { status, stderr } = spawnSync('sh', ['-n'], { input: text, encoding: 'utf8' });
      expect(stderr, name).toBe('');
      expect(status, name).toBe(0);
    }
  });

  it('fit on a command line', () => {
    const line = toolCommands(recipe, 'boot').trimEnd();
    expect(line).not.toContain('\n');
    // Room for what a machine needs to boot at all.
    expect(line.length).toBeLessThan(COMMAND_LINE_BYTES - 512);
    const names = line.split(' ').map((argument) => argument.split('=')[0]);
    const events = recipe.groups.length === 0 ? [] : ['trace_event'];
    expect(names).toEqual(['kprobe_event', ...events, 'trace_buf_size', 'trace_clock']);
  });
});

it('asks for the events of devices where the kernel has them', () => {
  expect(toolCommands(recipeOf('smmu', '6.12'), 'boot')).toContain(' trace_event=iommu:*,dma:* ');
  expect(toolCommands(recipeOf('smmu', '6.6'), 'boot')).toContain(' trace_event=iommu:* ');
  expect(toolCommands(recipeOf('smmu', '6.12'), 'trace-cmd')).toContain(`-e 'lpae' -e 'iommu' \${dma:+-e "dma"} `);
  expect(toolCommands(recipeOf('smmu', '6.6'), 'perf')).not.toContain('dma');
  expect(toolCommands(recipeOf('panthor', '7.1'), 'perf')).not.toContain('iommu');
});

it('gives every tool the buffer that was asked for', () => {
  const recipe = recipeOf('smmu', '6.12', 3 * 2 ** 20);
  expect(toolCommands(recipe, 'boot')).toContain(' trace_buf_size=3M ');
  expect(toolCommands(recipe, 'ftrace')).toContain('\necho 3072 > /sys/kernel/tracing/buffer_size_kb\n');
  expect(toolCommands(recipe, 'ftrace')).toContain('# The buffers take about 3M of memory for each CPU.');
  expect(toolCommands(recipe, 'trace-cmd')).toContain(' -b 3072 ');
  // Theirs have a power of two of pages.
  expect(toolCommands(recipe, 'perf')).toContain(' -m 4M ');
  expect(toolCommands(recipe, 'bpftrace')).toContain('BPFTRACE_PERF_RB_PAGES=1024 ');
});

const RECIPE = recipeOf('smmu', '6.6');
const DEFINITIONS = RECIPE.probes.map(definition);
const REMOVALS = RECIPE.probes.map(({ name }) => `-:lpae/${name}`);
/** Shows what the script has set up while it works. */
const WORK = [
  'sh',
  '-c',
  'cp -r "$ROOT/tracing" "$ROOT/seen" && echo "what was recorded" > "$ROOT/tracing/trace"; exit 3',
];

describe('a script', () => {
  let machine: Machine;
  beforeEach(() => {
    machine = new Machine({ machine: 'aarch64', release: '6.6.30-arm64' });
  });
  afterEach(() => machine.remove());

  it('of ftrace defines, records, saves and clears up, whatever the work says', () => {
    const { status, stderr } = machine.run(toolCommands(RECIPE, 'ftrace'), WORK);
    expect(status, stderr).toBe(0);
    expect(stderr).toContain('the command failed');
    expect(stderr).not.toContain('lost');
    expect(stderr).not.toContain('missed');
    expect(machine.recording()).toBe('what was recorded\n');
    const seen = (name: string): string => readFileSync(join(machine.root, 'seen', name), 'utf8').trim();
    expect(seen('kprobe_events').split('\n')).toEqual([...REMOVALS, ...DEFINITIONS]);
    expect(seen('buffer_size_kb')).toBe('24576');
    expect(seen('trace_clock')).toBe('mono');
    for (const name of ['tracing_on', 'events/lpae/enable', 'events/iommu/enable']) expect(seen(name), name).toBe('1');
    expect(machine.file('kprobe_events').trim().split('\n')).toEqual([...REMOVALS, ...DEFINITIONS, ...REMOVALS]);
    for (const name of ['events/lpae/enable', 'events/iommu/enable']) {
      expect(machine.file(name).trim(), name).toBe('0');
    }
    expect(stderr).toContain(`recorded: ${machine.home}/recording.txt.gz\n`);
  });

  it('of ftrace says what was lost', () => {
    machine.put('per_cpu/cpu0/stats', 'entries: 12\noverrun: 40\n');
    machine.put('kprobe_profile', '  map    7    0\n  map_ret    5    2\n');
    const { status, stderr } = machine.run(toolCommands(RECIPE, 'ftrace'), ['true']);
    expect(status, stderr).toBe(0);
    expect(stderr).toContain('events are lost');
    expect(stderr).toContain('probes were missed');
  });

  it.each([
    ['trace-cmd', 'record -C mono -b 24576 -e lpae -e iommu -o recording.dat sh -c', 'recording.dat'],
    ['perf', 'record -a -k mono -m 32M -e lpae:* -e iommu:* -o recording.perf.data -- sh -c', 'recording.perf.data'],
  ] as const)('of %s runs it with the probes defined and leaves its file', (tool, record, file) => {
    machine.install(tool, `echo "$*" > calls; cp "$ROOT/tracing/kprobe_events" seen; echo data > ${file}`);
    const { status, stderr } = machine.run(toolCommands(RECIPE, tool), ['dd', 'if=a', 'of=b']);
    expect(status, stderr).toBe(0);
    const calls = readFileSync(join(machine.home, 'calls'), 'utf8');
    expect(calls.startsWith(`${record} `), calls).toBe(true);
    expect(calls.endsWith(' sh dd if=a of=b\n'), calls).toBe(true);
    expect(readFileSync(join(machine.home, 'seen'), 'utf8').trim().split('\n')).toEqual([...REMOVALS, ...DEFINITIONS]);
    expect(stderr).toContain(`recorded: ${machine.home}/${file}\n`);
    expect(stderr).toContain(`pgtrace record --check ${file}; pgtrace replay ${file}\n`);
    expect(existsSync(join(machine.home, 'recording.txt.gz'))).toBe(false);
    expect(machine.file('kprobe_events').trim().split('\n')).toEqual([...REMOVALS, ...DEFINITIONS, ...REMOVALS]);
  });

  it('of bpftrace hands over the program and sorts what it prints', () => {
    const output = '"00000000000000000002 b: two\\nLost 500 events\\n00000000000000000001 a: one\\n"';
    machine.install(
      'bpftrace',
      `printf ${output} > "$3"; printf '%s\\n' "$BPFTRACE_PERF_RB_PAGES" "$@" > arguments; $5`,
    );
    const work = ['sh', '-c', 'printf "<%s>" "$@" > words; exit 3', 'sh', "it's", 'two words', '', '$HOME\\n', 'end\n'];
    const { status, stderr } = machine.run(toolCommands(RECIPE, 'bpftrace'), work);
    expect(status, stderr).toBe(0);
    expect(machine.recording()).toBe('a: one\nb: two\nLost 500 events\n');
    expect(stderr).toContain('events are lost');
    expect(stderr).toContain('the command failed (exit status 3)');
    expect(readFileSync(join(machine.home, 'words'), 'utf8')).toBe("<it's><two words><><$HOME\\n><end\n>");
    expect(existsSync(join(machine.home, 'recording.bpftrace.txt'))).toBe(false);
    const given = readFileSync(join(machine.home, 'arguments'), 'utf8').split('\n');
    expect(given.slice(0, 5)).toEqual(['8192', '-q', '-o', 'recording.bpftrace.txt', '-c']);
    const helper = /^sh (\/tmp\/pgtrace\.\w+)$/.exec(given[5])?.[1];
    expect(existsSync(helper ?? '/')).toBe(false);
    expect(given).toContain('kprobe:arm_lpae_map_pages');
    expect(given).toContain('kretprobe:arm_lpae_unmap_pages');
    expect(machine.file('kprobe_events')).toBe('');
  });

  it('stops where a tool is missing, before it changes anything', () => {
    machine.install('trace-cmd', 'exit 127');
    const script = toolCommands(RECIPE, 'trace-cmd').replaceAll('trace-cmd', 'no-such-tool');
    const { status, stderr } = machine.run(script, ['true']);
    expect(status).toBe(1);
    expect(stderr).toContain('no-such-tool is not installed');
    expect(machine.file('kprobe_events')).toBe('');
  });

  it('takes the probes away when the kernel refuses one', () => {
    const script = toolCommands(RECIPE, 'ftrace').replace(`echo '${DEFINITIONS[5]}'`, 'false');
    expect(machine.run(script, WORK).status).not.toBe(0);
    expect(existsSync(join(machine.root, 'seen'))).toBe(false);
    expect(machine.file('kprobe_events').trim().split('\n').slice(-REMOVALS.length)).toEqual(REMOVALS);
  });
});

describe('a script on another machine', () => {
  const run = (machine: string, release: string, kernel: string, force = ''): ReturnType<Machine['run']> => {
    const found = new Machine({ machine, release });
    try {
      const script = toolCommands(recipeOf('smmu', kernel), 'ftrace');
      const { status, stderr } = found.run(script, ['true'], { PGTRACE_FORCE: force });
      if (status !== 0) expect(found.file('kprobe_events')).toBe('');
      return { status, stderr };
    } finally {
      found.remove();
    }
  };

  it('refuses another architecture', () => {
    const { status, stderr } = run('x86_64', '6.12.1', '6.12');
    expect(status).toBe(1);
    expect(stderr).toContain('arm64 kernels, this is x86_64');
  });

  it.each([
    ['6.7.12-arm64', '6.12', true],
    ['6.1.0-56-arm64', '7.1', true],
    ['6.8.0-31-generic', '6.1', true],
    ['5.10.0', '6.1', true],
    ['7.2.13', '6.6', true],
    ['6.8.0-31-generic', '6.12', false],
    ['6.12.117', '6.8', false],
    ['10.0.1', '7.2', false],
    ['5.15.0-91-generic', '6.7', false],
    ['6.7.12', '5.15', false],
  ])('on %s refuses the probes of %s where the structures are others', (found, kernel, refuses) => {
    const { status, stderr } = run('aarch64', found, kernel);
    expect(status, stderr).toBe(refuses ? 1 : 0);
    expect(stderr.includes(`this is ${found}`)).toBe(refuses);
    const right = /^\d+\.\d+/.exec(found)?.[0];
    expect(stderr.includes(`take pgtrace record --smmu --kernel ${right};`)).toBe(refuses);
  });

  it('records there all the same when told to', () => {
    const { status, stderr } = run('aarch64', '6.1.0-56-arm64', '7.1', '1');
    expect(status, stderr).toBe(0);
    expect(stderr).toContain('this is 6.1.0-56-arm64');
    expect(stderr).toContain('recorded: ');
  });
});
