import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { TOOLS } from '../../src/recording/commands.ts';
import { TARGETS } from '../../src/recording/targets.ts';
import { RECIPES } from '../recording/recipes.ts';
import { runCli } from './fake-io.ts';

/** Runs `record`, which must work and say nothing but its output. */
async function record(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(['record', ...args]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return stdout;
}

/** Runs `record` with arguments that it must refuse; gives its message. */
async function refused(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(['record', ...args]);
  expect(code).toBe(2);
  expect(stdout).toBe('');
  return stderr;
}

/** Lines of a sheet that are commands. */
function commandsOf(sheet: string): string[] {
  return sheet
    .split('\n')
    .filter((line) => line.startsWith('    '))
    .map((line) => line.slice(4));
}

const SECTIONS = [
  'What it gives',
  'Probes',
  'Kernel command line',
  'Running system',
  'ftrace',
  'trace-cmd',
  'perf',
  'bpftrace',
  'Buffer size',
  'Check afterwards',
  'Take the probes away',
];

describe('the sheet', () => {
  it.each(RECIPES)('of %s has every section, in order, and holds what each tool prints alone', async (name) => {
    const [target, kernel] = name.split(' ');
    const sheet = await record(`--${target}`, '--kernel', kernel);
    const lines = sheet.split('\n');
    const found = lines.filter((line) => SECTIONS.includes(line));
    expect(found).toEqual(SECTIONS);
    expect(lines[0]).toContain(`on Linux ${kernel} `);
    const commands = commandsOf(sheet);
    const boot = (await record(`--${target}`, '--kernel', kernel, '--tool', 'boot')).trimEnd();
    expect(commands).toContain(boot);
    const script = (await record(`--${target}`, '--kernel', kernel, '--tool', 'ftrace')).split('\n');
    const definitions = script.filter((line) => line.startsWith("echo '"));
    expect(definitions.length).toBeGreaterThan(5);
    for (const line of definitions) expect(commands).toContain(line);
  });

  it('has commands that work wherever they are pasted, in order', async () => {
    const sheet = await record('--smmu', '--kernel', '6.12');
    const commands = commandsOf(sheet);
    expect(commands.filter((line) => /^cd\b|~|> *(?:"?\$here|(?:trace|tracing_on|events)\b)/.test(line))).toEqual([]);
    const written = commands.filter((line) => /\bgzip\b/.test(line)).map((line) => line.split(' > ').at(-1));
    expect(new Set(written)).toEqual(new Set(['recording.txt.gz']));
    const parts = sheet.split('\n\n');
    expect(parts.find((part) => part.includes('entries-in-buffer/entries-written'))).toMatch(/^ftrace\n/m);
    expect(sheet.split('Check afterwards')[1]).not.toContain('entries-in-buffer');
    expect(commands.join('\n')).not.toMatch(/trace-cmd report|perf script/);
    expect(sheet).toContain('24M come to 32M, 8,192 pages of 4K');
    expect(sheet).toContain('It records no dma:* events');
    expect(sheet).toContain('Every CPU takes that memory: 192M on a machine with 8.');
    expect(await record('--panthor')).not.toContain('It records no dma:* events');
  });

  it('says what is special about each target', async () => {
    expect(await record('--panthor')).toContain('drivers/gpu/drm/panthor/panthor_mmu.c +p');
    expect(await record('--panthor')).toContain('transtab');
    expect(await record('--msm', '--kernel', '7.1')).toContain('vm_log_shift');
    expect(await record('--msm', '--kernel', '6.12')).not.toContain('vm_log_shift');
    expect(await record('--iommufd')).toContain("--trace 'iommufd_backend_*' --trace 'vfio_listener_*'");
    expect(await record('--smmu', '--kernel', '6.12')).toContain('dma:*');
    expect(await record('--smmu', '--kernel', '6.6')).toContain('came with Linux 6.12');
    expect(await record('--smmu', '--kernel', '7.0')).toContain('print no iommu:map');
    expect(await record('--smmu', '--kernel', '8.0')).toContain('up to Linux 7.2');
  });

  it('does the sum for the buffer that is asked for', async () => {
    expect(await record('--panthor')).toContain(
      '24M per CPU hold about 261,120 requests: 26 seconds at 10,000 a second',
    );
    expect(await record('--panthor', '--buffer', '48M')).toContain('48M per CPU hold about 522,240 requests');
  });

  it('is made for 7.1 when no kernel is named', async () => {
    expect(await record('--smmu')).toBe(await record('--smmu', '--kernel', '7.1'));
  });

  it('breaks words where a terminal ends, and no command', async () => {
    const plain = await record('--smmu', '--kernel', '6.12');
    const { stdout } = await runCli(['record', '--smmu', '--kernel', '6.12'], {
      terminal: { columns: 72, colors: false },
    });
    const words = stdout.split('\n').filter((line) => !/^ {4}|^ {2}pgtrace /.test(line));
    expect(Math.max(...words.map((line) => line.length))).toBeLessThanOrEqual(72);
    const commands = (text: string): string[] => commandsOf(text.replace(/\nProbes\n[\s\S]*?\n\n/, ''));
    expect(commands(stdout)).toEqual(commands(plain));
    expect(commands(plain).length).toBeGreaterThan(20);
    expect(stdout.split(/\s+/)).toEqual(plain.split(/\s+/));
  });

  it('is coloured on a terminal that has colours, and nowhere else', async () => {
    const terminal = { columns: 120, colors: true };
    expect((await runCli(['record', '--smmu'], { terminal })).stdout).toContain('\u001b[1m');
    expect(await record('--smmu')).not.toContain('\u001b');
    expect((await runCli(['record', '--smmu', '--tool', 'ftrace'], { terminal })).stdout).not.toContain('\u001b');
  });
});

describe('--tool', () => {
  it.each(TOOLS.filter((tool) => tool !== 'boot'))('prints a script for sh: %s', async (tool) => {
    for (const { name } of TARGETS) {
      const script = await record(`--${name}`, '--kernel', '7.2', '--tool', tool);
      expect(spawnSync('sh', ['-n'], { input: script }).status).toBe(0);
      // Words are comments, all of them at the top.
      const rest = script.split('\n').filter((line) => !line.startsWith('#'));
      expect(rest[0]).toBe('pgtrace_record() {');
      expect(rest.at(-2)).toBe('esac');
    }
  });

  it('prints one line for the kernel', async () => {
    const line = await record('--smmu', '--kernel', '6.1', '--tool', 'boot');
    expect(line).toMatch(
      /^kprobe_event=p:lpae\/map,arm_lpae_map_pages,\S+ trace_event=iommu:\* trace_buf_size=24M trace_clock=mono\n$/,
    );
  });

  it('prints the same as --json holds', async () => {
    const { commands, bootArguments } = JSON.parse(await record('--msm', '--json')) as {
      commands: Record<string, string>;
      bootArguments: string[];
    };
    for (const tool of TOOLS) {
      const text = await record('--msm', '--tool', tool);
      expect(text).toBe(tool === 'boot' ? `${bootArguments.join(' ')}\n` : commands[tool]);
    }
  });
});

describe('--json', () => {
  it('has the keys that programs rely on', async () => {
    const document = JSON.parse(await record('--smmu', '--kernel', '6.12.117-arm64', '--json'));
    expect(Object.keys(document)).toEqual([
      'bootArguments',
      'buffer',
      'commands',
      'kernel',
      'probes',
      'schema',
      'target',
    ]);
    expect(document).toMatchObject({ schema: 'pgtrace.recipe/1', kernel: '6.12', target: 'smmu' });
    expect(document.probes[0]).toEqual({
      name: 'map',
      kind: 'kprobe',
      function: 'arm_lpae_map_pages',
      fields: [
        { name: 'ttbr', fetch: '-40($arg1)', type: 'x64' },
        { name: 'iova', fetch: '$arg2', type: 'x64' },
        { name: 'paddr', fetch: '$arg3', type: 'x64' },
        { name: 'pgsize', fetch: '$arg4', type: 'x64' },
        { name: 'pgcount', fetch: '$arg5', type: 'u64' },
        { name: 'prot', fetch: '$arg6', type: 'x32' },
      ],
    });
    expect(document.probes[1].kind).toBe('kretprobe');
    expect(document.bootArguments.slice(1)).toEqual([
      'trace_event=iommu:*,dma:*',
      'trace_buf_size=24M',
      'trace_clock=mono',
    ]);
    expect(document.buffer).toMatchObject({ bytesPerCpu: 25165824, bytesPerMap: 96, bytesPerUnmap: 96 });
  });

  it('names what stands beside the tools', async () => {
    const names = async (...args: string[]): Promise<string[]> =>
      Object.keys((JSON.parse(await record(...args, '--json')) as { commands: object }).commands);
    const tools = ['bpftrace', 'ftrace', 'perf', 'trace-cmd'];
    expect(await names('--smmu')).toEqual(tools);
    expect(await names('--panthor')).toEqual([...tools, 'log'].sort());
    expect(await names('--msm')).toEqual([...tools, 'vm-log'].sort());
    expect(await names('--iommufd')).toEqual([...tools, 'qemu', 'requests'].sort());
  });
});

describe('--check', () => {
  const RECORDING = new URL('../../traces/smmuv3-kprobe-6.1.txt.gz', import.meta.url).pathname;

  it('looks at a recording that probes like these have made', async () => {
    expect(await record('--check', RECORDING)).toContain('recorded returns are as the model has them');
    expect(JSON.parse(await record('--check', RECORDING, '--json'))).toMatchObject({ schema: 'pgtrace.check/1' });
  });

  it('takes nothing that belongs to a recipe', async () => {
    expect(await refused('--check', RECORDING, '--smmu', '--kernel', '6.1')).toContain(
      'leave out --check, or --smmu, --kernel',
    );
  });
});

describe('record refuses', () => {
  it('to guess a target', async () => {
    const none = await refused();
    for (const { name, title } of TARGETS) expect(none).toContain(`--${name} (${title})`);
    const two = 'record takes one target; you gave --smmu and --panthor: --smmu (';
    expect(await refused('--panthor', '--smmu')).toContain(two);
  });

  it('kernels of which a target cannot be recorded, and says what can be done', async () => {
    const old = await refused('--smmu', '--kernel', '5.10');
    expect(old).toContain('no arm_lpae_map_pages, which came with Linux 5.15');
    expect(old).toContain('echo 1 > /sys/kernel/tracing/events/iommu/enable');
    expect(await refused('--panthor', '--kernel', '6.6')).toContain('came with Linux 6.10');
    expect(await refused('--msm', '--kernel', '6.0')).toContain('from Linux 6.1 on');
    expect(await refused('--iommufd', '--kernel', '6.1')).toContain('came with Linux 6.2');
    expect(await refused('--smmu', '--kernel', '4.19.325')).toContain('Linux 4.19 cannot be recorded');
  });

  it.each(['latest', '6', '6.x', '', '6.12 or 7.1'])('a kernel that is none: %j', async (kernel) => {
    expect(await refused('--smmu', '--kernel', kernel)).toContain('is no kernel version');
  });

  it.each(['0', '100', '63K', '128G', 'much', '65537'])('a buffer that is none: %s', async (size) => {
    expect(await refused('--smmu', '--buffer', size)).toContain('is no size of a ring buffer; it takes 64K to 64G');
  });

  it('a tool that is none, and one together with --json', async () => {
    expect(await refused('--smmu', '--tool', 'dtrace')).toContain('ftrace, trace-cmd, perf, bpftrace, boot');
    expect(await refused('--smmu', '--tool', 'perf', '--json')).toContain('--json prints all tools');
  });
});
