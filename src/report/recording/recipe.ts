import type { ChalkInstance } from 'chalk';
import { exactSize, grouped } from '../../base/sizes.ts';
import { capacityOf, RING_PAGE, RING_PAGE_HEADER } from '../../recording/capacity.ts';
import { TOOL_TEXTS } from '../../recording/commands.ts';
import { type Probe, probeBytes } from '../../recording/probe.ts';
import type { Recipe } from '../../recording/recipe.ts';
import { releaseText } from '../../recording/release.ts';
import { beside } from '../../recording/text/beside.ts';
import { bootArguments, COMMAND_LINE_BYTES } from '../../recording/text/boot.ts';
import { clearProbes, defineProbes, TRACEFS } from '../../recording/text/kprobe-events.ts';
import { unbroken, wrapped } from '../wrap.ts';

/** Commands stand apart from words. */
const INDENT = '    ';
/** Where a row goes on when it is broken. */
const ROW_INDENT = 16;
/** Requests a second for which the sheet does the sum. */
const EXAMPLE_RATE = 10_000;
/** CPUs for which it does. */
const EXAMPLE_CPUS = 8;

/** One part of the sheet: words and rows, which may be broken, and commands, which may not. */
interface Section {
  readonly title: string;
  readonly words: readonly string[];
  readonly rows?: readonly string[];
  readonly commands: readonly string[];
  readonly after?: readonly string[];
}

/** A recipe as a sheet to read and to copy commands from. `width`: columns of the terminal, null for none. */
export function recipeSheet(recipe: Recipe, ink: ChalkInstance, width: number | null): string {
  const { target, release } = recipe;
  const title = `How to record ${target.title} on Linux ${releaseText(release)} for pgtrace`;
  const heading = ink.bold(wrapped(title, width, 2));
  const words = (lines: readonly string[]): string => wrapped(lines.map((line) => `${line}\n`).join(''), width, 2);
  const sections = sectionsOf(recipe).map(({ title, words: before, rows = [], commands, after = [] }) =>
    [
      ink.bold(`${wrapped(title, width, 2)}\n`),
      words(before),
      rows.map((row) => `${wrapped(`${INDENT}${row}`, width, ROW_INDENT)}\n`).join(''),
      before.length > 0 && commands.length > 0 ? '\n' : '',
      commands.map((line) => `${INDENT}${line}\n`).join(''),
      after.length > 0 ? `\n${words(after)}` : '',
    ].join(''),
  );
  return [`${heading}\n`, ...sections].join('\n');
}

function sectionsOf(recipe: Recipe): Section[] {
  const { target, release, probes, notes } = recipe;
  const call = `pgtrace record --${target.name} --kernel ${releaseText(release)} --tool`;
  return [
    { title: 'What it gives', words: [...target.gives(release), ...notes], commands: [] },
    { title: 'Probes', words: [], rows: probes.map(probeLine), commands: [] },
    bootSection(recipe, call),
    {
      title: 'Running system',
      words: ['ftrace, trace-cmd and perf record the probes that are defined here, as root.'],
      commands: defineProbes(recipe),
    },
    ...TOOL_TEXTS.map((text): Section => {
      const script = [
        `Leaves ${text.output}. All of it as a script that clears up behind it: ${unbroken(`${call} ${text.tool} | sudo sh -s -- COMMAND`)}`,
        'The script runs COMMAND as root with /dev/null as its input, and overwrites no recording.',
      ];
      return { title: text.tool, words: [...text.about(recipe), ...script], commands: text.prompt(recipe) };
    }),
    ...beside(target.name, release).map(({ title, about, commands }): Section => ({ title, words: about, commands })),
    { title: 'Buffer size', words: bufferWords(recipe), commands: [] },
    CHECK,
    { title: 'Take the probes away', words: [], commands: clearProbes(recipe) },
  ];
}

/** `map  entry of arm_lpae_map_pages: ttbr, iova, ...` */
function probeLine({ name, kind, function: symbol, fields }: Probe): string {
  const place = `${kind === 'kprobe' ? 'entry of ' : 'return of'} ${symbol}`;
  return `${name.padEnd(11)} ${place}: ${fields.map((field) => field.name).join(', ')}`;
}

function bootSection(recipe: Recipe, call: string): Section {
  const line = bootArguments(recipe).join(' ');
  return {
    title: 'Kernel command line',
    words: [
      'From the start of the kernel: the only way not to miss what drivers map when they are probed.',
      `${grouped(line.length)} of the ${grouped(COMMAND_LINE_BYTES)} characters that an arm64 kernel takes; alone: ${unbroken(`${call} boot`)}`,
      'GRUB and U-Boot read $ and ; themselves: quote the argument there. kprobe_event= counts once only.',
    ],
    commands: [line],
    after: [`When the machine is up: ${unbroken(`gzip < ${TRACEFS}/trace > recording.txt.gz`)}`],
  };
}

function bufferWords(recipe: Recipe): string[] {
  const { probes, groups, bufferBytes } = recipe;
  const { mapBytes, unmapBytes, eventBytes, requests } = capacityOf(recipe);
  const bytesOf = (name: string): number =>
    probes.filter((p) => p.name === name).reduce((n, p) => n + probeBytes(p), 0);
  const pair = (name: string): string => `${bytesOf(name)} + ${bytesOf(`${name}_ret`)}`;
  const events = eventBytes.map(({ group, bytes }) => `${bytes} for its event of ${group}`);
  const request = eventBytes.reduce((sum, { bytes }) => sum + bytes, Math.max(mapBytes, unmapBytes));
  const more = events.length === 0 ? '' : `, and ${events.join(', ')}: ${request}`;
  return [
    `Bytes in the ring buffer: a map ${pair('map')} for entry and return, an unmap ${pair('unmap')}${more}.`,
    `Of each page of ${grouped(RING_PAGE)} bytes ${RING_PAGE_HEADER} are its header, so ${exactSize(bufferBytes)} per CPU hold about ` +
      `${grouped(requests)} requests: ${Math.floor(requests / EXAMPLE_RATE)} seconds at ${grouped(EXAMPLE_RATE)} a second.`,
    ...(groups.includes('dma')
      ? ['Events of dma:dma_sync_* come on top, where drivers reuse what they have mapped.']
      : []),
    `Every CPU takes that memory: ${exactSize(bufferBytes * EXAMPLE_CPUS)} on a machine with ${EXAMPLE_CPUS}.`,
    'A request that crosses tables is several calls. Each CPU has a buffer of its own: the busiest one counts. --buffer SIZE changes all commands.',
  ];
}

const CHECK: Section = {
  title: 'Check afterwards',
  words: [
    'recording.dat and recording.perf.data are checked and replayed as they are, in place of recording.txt.gz.',
    'No probe was missed when the third column of kprobe_profile is 0.',
    'pgtrace record --check tells what is missing; pgtrace replay ends with "n of n recorded returns equal the model\'s".',
  ],
  commands: [
    `cat ${TRACEFS}/kprobe_profile`,
    'pgtrace record --check recording.txt.gz',
    'pgtrace replay recording.txt.gz',
  ],
};
