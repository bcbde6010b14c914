import { type FieldType, GROUP, type Probe, type ProbeField } from '../probe.ts';
import type { Recipe } from '../recipe.ts';
import { bufferPages, powerOfTwo } from './recorders.ts';
import { COMMAND, checkRecorder, type ToolText } from './tool.ts';

const OUTPUT = 'recording.txt.gz';
const PRINTED = 'recording.bpftrace.txt';

/** bpftrace prints each hit as an event line in ftrace's columns, behind a number to sort the lines of all CPUs by. */
export const BPFTRACE: ToolText = {
  tool: 'bpftrace',
  about: (recipe) => [
    'Leaves no probes behind. Its lines are in no order across CPUs, so they are sorted by the time in front of them.',
    'Writes to a file while it records, but formats each line at once: with many calls a second it loses more than the others.',
    ...(recipe.groups.includes('dma') ? ['It records no dma:* events, which name devices; the other tools do.'] : []),
    `BPFTRACE_PERF_RB_PAGES is the buffer of each CPU, which must be a power of two: ${powerOfTwo(recipe)}.`,
    '-c takes a program and its words, parted by blanks, and knows no quotes.',
  ],
  usesTracefs: false,
  output: OUTPUT,
  scratch: PRINTED,
  prompt: (recipe) => [...record(recipe, '', COMMAND), ...SORT],
  script: (recipe) => [
    ...WORK_FILE,
    ...record(recipe, 'run INT env ', 'sh $work'),
    ...checkRecorder('bpftrace', PRINTED),
    `if grep -q '^Lost ' ${PRINTED}; then`,
    '  echo "events are lost: give a larger --buffer" >&2',
    'fi',
    `${SORT[0]} || fail "${PRINTED} could not be sorted; it is kept"`,
    `${SORT[1]} || fail "${OUTPUT} could not be written; ${PRINTED} is kept"`,
    `rm ${PRINTED}`,
  ],
};

/** Sorted by the number in front, which goes. Lines without one, which tell of losses, stay as they are and come last. */
const SORT: readonly string[] = [
  `LC_ALL=C sort -s -k 1,1 -o ${PRINTED} ${PRINTED}`,
  `sed 's/^[0-9]\\{20\\} //' ${PRINTED} | gzip > ${OUTPUT}`,
];

/** The work as a file for sh, each of its words in quotes: bpftrace cuts what -c is given at every blank. */
const WORK_FILE: readonly string[] = [
  'work=$(mktemp /tmp/pgtrace.XXXXXX)',
  `trap 'rm -f "$work"' EXIT`,
  '{',
  String.raw`  printf '%s\n' 'set -- \'`,
  '  for word do',
  String.raw`    printf '%s\n' "$word" | sed "s/'/'\\\\''/g; 1s/^/'/; \$s/\$/' \\\\/"`,
  '  done',
  '  echo',
  `  echo '"$@" || echo "the command failed (exit status $?); what it did is recorded" >&2'`,
  '} > "$work"',
];

function record(recipe: Recipe, before: string, command: string): string[] {
  return [
    `${before}BPFTRACE_PERF_RB_PAGES=${bufferPages(recipe)} bpftrace -q -o ${PRINTED} -c "${command}" -e '`,
    ...bpftraceProgram(recipe),
    "'",
  ];
}

/** The program: a clause for each probe, and for the requests where the recipe has them. */
export function bpftraceProgram({ probes, groups }: Recipe): string[] {
  const returning = new Set(probes.filter(({ kind }) => kind === 'kretprobe').map((probe) => probe.function));
  return [
    ...probes.flatMap((probe) => clause(probe, returning.has(probe.function))),
    ...(groups.includes('iommu') ? REQUESTS : []),
    `END { clear(${CALLS}); }`,
  ];
}

/** Calls that a thread is in: a second one can only be an interrupt's. Idle threads are one on each CPU. */
const CALLS = '@calls';
const DEPTH = `${CALLS}[tid, $idle]`;

function clause(probe: Probe, nests: boolean): string[] {
  const { kind, fields } = probe;
  const texts = fields.map(({ name, type }) => `${name}=${FORMATS[type]}`).join(' ');
  const place = kind === 'kprobe' ? probe.function : `${GROUP} <- ${probe.function}`;
  const line = print(`${probe.name}: (${place}) ${texts}`, fields.map(expression), nests ? LEVEL : TASK);
  const before = nests ? ['$idle = (tid == 0) * cpu;'] : [];
  if (nests && kind === 'kprobe') before.push(`${DEPTH}++;`);
  const after = `if (${DEPTH} > 1) { ${DEPTH}--; } else { delete(${DEPTH}); }`;
  return block(`${kind}:${probe.function}`, [...before, ...line, ...(kind === 'kretprobe' ? [after] : [])]);
}

function block(probe: string, lines: readonly string[]): string[] {
  return [probe, '{', ...lines.map((line) => `  ${line}`), '}'];
}

/** The interrupt column of ftrace: a task, or what interrupted one. */
const TASK = '"."';
const LEVEL = `${DEPTH} > 1 ? "s" : "."`;

function print(format: string, values: readonly string[], level: string): string[] {
  return [
    '$now = nsecs;',
    `printf("%020llu %s-%d [%03d] ..%s.. %llu.%09llu: ${format}\\n", $now, comm, tid, cpu, ${level}, ` +
      `$now / 1000000000, $now % 1000000000, ${values.join(', ')});`,
  ];
}

/** The tracepoints iommu:map and iommu:unmap as the kernel prints them. */
const REQUESTS: readonly string[] = [
  ...block(
    'tracepoint:iommu:map',
    print(
      'map: IOMMU: iova=0x%llx - 0x%llx paddr=0x%llx size=%llu',
      ['args->iova', 'args->iova + args->size', 'args->paddr', 'args->size'],
      TASK,
    ),
  ),
  ...block(
    'tracepoint:iommu:unmap',
    print(
      'unmap: IOMMU: iova=0x%llx - 0x%llx size=%llu unmapped_size=%llu',
      ['args->iova', 'args->iova + args->size', 'args->size', 'args->unmapped_size'],
      TASK,
    ),
  ),
];

const FORMATS: Readonly<Record<FieldType, string>> = {
  x64: '0x%llx',
  x32: '0x%x',
  u64: '%llu',
  u32: '%u',
  u8: '%u',
  s32: '%d',
};

const TYPES: Readonly<Record<FieldType, string>> = {
  x64: 'uint64',
  x32: 'uint32',
  u64: 'uint64',
  u32: 'uint32',
  u8: 'uint8',
  s32: 'int32',
};

/** A fetch of kprobe_events as an expression of bpftrace, whose arguments count from 0. */
function expression({ fetch, type }: ProbeField): string {
  const memory = /^([+-])(\d+)\(\$arg(\d)\)$/.exec(fetch);
  if (memory !== null) {
    const [, sign, offset, argument] = memory;
    return `*(${TYPES[type]} *)(arg${Number(argument) - 1} ${sign} ${offset})`;
  }
  const value = fetch === '$retval' ? 'retval' : `arg${Number(fetch.slice('$arg'.length)) - 1}`;
  return TYPES[type] === 'uint64' ? value : `(${TYPES[type]})${value}`;
}
