import { Chalk } from 'chalk';
import { ALLOCATORS, type AllocatorKind } from '../allocator/registry.ts';
import { EXIT_OK } from '../base/errors.ts';
import { valuesText } from '../base/model.ts';
import { type Json, stableJson } from '../base/stable-json.ts';
import { type Column, renderColumns } from '../report/columns.ts';
import { type Io, terminalWidth, wantsColor } from './io.ts';

const COLUMNS: readonly Column<AllocatorKind>[] = [
  { title: 'allocator', align: 'left', cell: ({ name }) => name },
  {
    title: 'parameters (default)',
    align: 'left',
    cell: ({ parameters }) => parameters.map((p) => `${p.name}=${valuesText(p)} (${p.initial})`).join(' ') || '-',
  },
  { title: 'what it does', align: 'left', cell: ({ help }) => help },
];

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
  io.stdout.write(renderColumns(ALLOCATORS, COLUMNS, ink.bold, terminalWidth(io.stdout)));
  io.stdout.write('\nuse them as --allocator NAME[,k=v], several times for a comparison, or --allocator all\n');
  return EXIT_OK;
}
