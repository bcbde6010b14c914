import { Chalk, type ChalkInstance } from 'chalk';
import { EXIT_OK } from '../../base/errors.ts';
import { type ModelKind, valuesText } from '../../base/model.ts';
import { type Json, stableJson } from '../../base/stable-json.ts';
import { type Column, renderColumns } from '../../report/columns.ts';
import { fittedNotes, wrapped } from '../../report/wrap.ts';
import { type Io, terminalWidth, wantsColor } from '../process/io.ts';

/** One line of the list: a model, or below it one of its parameters, or more words of the line before. */
interface Row {
  readonly model: string;
  readonly parameter: string;
  readonly help: string;
}

/** Columns where there is no terminal, as for `--help`. */
const WIDTH = 80;
/** Between columns. */
const GAP = 2;
/** The help of a parameter stands a little in, and its second line as well. */
const INDENT = '  ';
const PARAMETER = 'parameter';
/** The help gets so many columns however narrow the terminal. */
const LEAST = 20;

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
  const width = terminalWidth(io.stdout) ?? WIDTH;
  const rows = kinds.flatMap((kind): Row[] => [
    { model: kind.name, parameter: '', help: kind.help },
    ...kind.parameters.map(({ name, initial, help }) => ({
      model: '',
      parameter: `${name}=${initial}`,
      help: `${INDENT}${help}`,
    })),
  ]);
  const before =
    widest([title, ...rows.map(({ model }) => model)]) + widest([PARAMETER, ...rows.map(({ parameter }) => parameter)]);
  io.stdout.write(renderColumns(broken(rows, Math.max(LEAST, width - before - 2 * GAP)), columns(title), ink.bold));
  for (const line of wordLists(kinds, ink)) io.stdout.write(wrapped(line, width, INDENT.length));
  io.stdout.write(fittedNotes(footer, width));
  return EXIT_OK;
}

function widest(cells: readonly string[]): number {
  return Math.max(...cells.map(({ length }) => length));
}

function columns(title: string): readonly Column<Row>[] {
  return [
    { title, align: 'left', cell: ({ model }) => model },
    { title: PARAMETER, align: 'left', cell: ({ parameter }) => parameter },
    { title: 'what it does', align: 'left', cell: ({ help }) => help },
  ];
}

/** The rows, with help that is wider than its column on several of them. */
function broken(rows: readonly Row[], width: number): Row[] {
  return rows.flatMap(({ model, parameter, help }) => {
    const [first, ...more] = wrapped(help, width, help.startsWith(INDENT) ? INDENT.length : 0).split('\n');
    return [{ model, parameter, help: first }, ...more.map((line) => ({ model: '', parameter: '', help: line }))];
  });
}

/** The words that parameters take, each list once. */
function wordLists(kinds: readonly ModelKind[], ink: ChalkInstance): string[] {
  const lists = new Map<string, string>();
  for (const { parameters } of kinds) {
    for (const parameter of parameters) if (parameter.values !== null) lists.set(parameter.name, valuesText(parameter));
  }
  return ['\n', ...[...lists].map(([name, values]) => `${ink.bold(`${name}=`)} ${values.replaceAll('|', ', ')}\n`)];
}
