import { Chalk, type ChalkInstance } from 'chalk';
import { EXIT_OK } from '../../base/errors.ts';
import { type ModelKind, type ModelParameter, valuesText } from '../../base/model.ts';
import { type Json, stableJson } from '../../base/stable-json.ts';
import { type Column, renderColumns } from '../../report/columns.ts';
import { type Io, wantsColor } from '../process/io.ts';

/** One line of the list: a model, or below it one of its parameters. */
type Row = { readonly kind: ModelKind; readonly parameter: ModelParameter | null };

/** Prints what an option takes: the models of a registry with their parameters; `footer` says how to use them. Returns the exit code. */
export function listModels(title: string, kinds: readonly ModelKind[], footer: string, json: boolean, io: Io): number {
  if (json) {
    const list = kinds.map(({ name, help, parameters }) => ({
      name,
      help,
      parameters: parameters.map((p) => ({ name: p.name, values: valuesText(p), default: p.initial, help: p.help })),
    }));
    io.stdout.write(`${stableJson(list as unknown as Json)}\n`);
    return EXIT_OK;
  }
  const ink = new Chalk({ level: wantsColor('auto', io.stdout, io.env) ? 1 : 0 });
  const rows = kinds.flatMap((kind): Row[] => [
    { kind, parameter: null },
    ...kind.parameters.map((parameter) => ({ kind, parameter })),
  ]);
  io.stdout.write(renderColumns(rows, columns(title), ink.bold));
  for (const line of wordLists(kinds, ink)) io.stdout.write(line);
  io.stdout.write(footer);
  return EXIT_OK;
}

function columns(title: string): readonly Column<Row>[] {
  return [
    { title, align: 'left', cell: ({ kind, parameter }) => (parameter === null ? kind.name : '') },
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
function wordLists(kinds: readonly ModelKind[], ink: ChalkInstance): string[] {
  const lists = new Map<string, string>();
  for (const { parameters } of kinds) {
    for (const parameter of parameters) if (parameter.values !== null) lists.set(parameter.name, valuesText(parameter));
  }
  return ['\n', ...[...lists].map(([name, values]) => `${ink.bold(`${name}=`)} ${values.replaceAll('|', ', ')}\n`)];
}
