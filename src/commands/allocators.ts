import { Chalk, type ChalkInstance } from 'chalk';
import { ALLOCATORS, type AllocatorKind } from '../allocator/registry.ts';
import { EXIT_OK } from '../base/errors.ts';
import { type ModelParameter, valuesText } from '../base/model.ts';
import { type Json, stableJson } from '../base/stable-json.ts';
import { type Column, renderColumns } from '../report/columns.ts';
import { type Io, wantsColor } from './process/io.ts';

/** One line of the list: an allocator, or below it one of its parameters. */
type Row = { readonly kind: AllocatorKind; readonly parameter: ModelParameter | null };

const HELP = `
Use them as --allocator NAME[,k=v]; several times, or --allocator all, compares them in one pass:
  pgtrace replay trace.ndjson --allocator kernel --allocator reserve,formula=panthor --queue-depth 64
`;

/** `pgtrace allocators`: what `--allocator` takes. Returns the exit code. */
export function allocatorsCommand(json: boolean, io: Io): number {
  if (json) {
    const list = ALLOCATORS.map(({ name, help, parameters }) => ({
      name,
      help,
      parameters: parameters.map((p) => ({ name: p.name, values: valuesText(p), default: p.initial, help: p.help })),
    }));
    io.stdout.write(`${stableJson(list as unknown as Json)}\n`);
    return EXIT_OK;
  }
  const ink = new Chalk({ level: wantsColor('auto', io.stdout, io.env) ? 1 : 0 });
  const rows = ALLOCATORS.flatMap((kind): Row[] => [
    { kind, parameter: null },
    ...kind.parameters.map((parameter) => ({ kind, parameter })),
  ]);
  io.stdout.write(renderColumns(rows, columns(), ink.bold));
  for (const line of wordLists(ink)) io.stdout.write(line);
  io.stdout.write(HELP);
  return EXIT_OK;
}

function columns(): readonly Column<Row>[] {
  return [
    { title: 'allocator', align: 'left', cell: ({ kind, parameter }) => (parameter === null ? kind.name : '') },
    {
      title: 'parameter',
      align: 'left',
      cell: ({ parameter }) => (parameter === null ? '' : `${parameter.name}=${parameter.initial}`),
    },
    {
      title: 'what it does (parameters with their defaults)',
      align: 'left',
      cell: ({ kind, parameter }) => (parameter === null ? kind.help : `  ${parameter.help}`),
    },
  ];
}

/** The words that parameters take, each list once. */
function wordLists(ink: ChalkInstance): string[] {
  const lists = new Map<string, string>();
  for (const { parameters } of ALLOCATORS) {
    for (const parameter of parameters) if (parameter.values !== null) lists.set(parameter.name, valuesText(parameter));
  }
  return ['\n', ...[...lists].map(([name, values]) => `${ink.bold(`${name}=`)} ${values.replaceAll('|', ', ')}\n`)];
}
