import { type FieldType, GROUP, type Probe, type ProbeField } from '../probe.ts';
import type { Recipe } from '../recipe.ts';
import { bufferPages } from './recorders.ts';
import type { ToolText } from './tool.ts';

/** bpftrace prints each hit as an event line in ftrace's columns, behind a number to sort the lines of all CPUs by. */
export const BPFTRACE: ToolText = {
  tool: 'bpftrace',
  about: [
    'Leaves no probes behind. Its lines are in no order across CPUs, so they are sorted by the time in front of them.',
    'Writes to a file while it records, but formats each line at once: with many calls a second it loses more than the others.',
  ],
  usesTracefs: false,
  prompt: (recipe) => [...record(recipe, 'COMMAND'), SORT],
  script: (recipe) => [
    ...record(recipe, '$*'),
    "if grep -q '^Lost ' recording.bpftrace.txt; then",
    '  echo "events are lost: give a larger --buffer" >&2',
    'fi',
    SORT,
  ],
};

const SORT = "LC_ALL=C sort -s -k 1,1 recording.bpftrace.txt | cut -d ' ' -f 2- | gzip > recording.txt.gz";

function record(recipe: Recipe, command: string): string[] {
  return [
    `BPFTRACE_PERF_RB_PAGES=${bufferPages(recipe)} bpftrace -q -o recording.bpftrace.txt -c "${command}" -e '`,
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
