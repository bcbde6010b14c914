import { Chalk, type ChalkInstance } from 'chalk';
import { EXIT_OK, usageError } from '../../base/errors.ts';
import { chooseModel, type ModelParameter, valuesText } from '../../base/model.ts';
import { type Json, stableJson } from '../../base/stable-json.ts';
import type { GpuDriver } from '../../base/vocabulary.ts';
import { type Column, renderColumns } from '../../report/columns.ts';
import { fittedNotes, wrapped } from '../../report/wrap.ts';
import { generate, refusal, type WorkloadRequest } from '../../workload/generate.ts';
import { lineOf } from '../../workload/line.ts';
import { WORKLOADS } from '../../workload/registry.ts';
import { submission, type WorkloadKind } from '../../workload/workload.ts';
import { type Io, terminalWidth, wantsColor } from '../process/io.ts';
import { type ClosableOutput, FileOutput, StreamOutput } from '../process/output.ts';
import { interruptedExit, listenForInterrupt } from '../process/signals.ts';

/** Options of `gen`, as commander hands them over. */
export interface GenCommandOptions {
  readonly list?: boolean;
  readonly json?: boolean;
  readonly seed?: string;
  readonly output?: string;
  readonly driver?: GpuDriver;
  readonly explicit?: boolean;
}

const DEFAULT_SEED = 1;
const DEFAULT_DRIVER: GpuDriver = 'panthor';
/** Events between two looks at whether the person has had enough. */
const EVENTS_PER_TURN = 4096;

const HELP = `
Use them as NAME[,k=v...]; the same parameters and seed give the same bytes:
  pgtrace gen game,frames=600 --seed 7 -o game.ndjson
  pgtrace gen bind-storm,ops=64 --driver msm --explicit | pgtrace replay -
`;

/** `pgtrace gen`: lists the workloads, or writes the trace of one. Returns the exit code. */
export async function genCommand(name: string | undefined, options: GenCommandOptions, io: Io): Promise<number> {
  if (options.list === true) {
    refuseWithList(name, options);
    list(options.json === true, io);
    return EXIT_OK;
  }
  if (options.json === true) throw usageError('gen --json belongs to --list; a workload is NDJSON anyway');
  const request = requestOf(name, options);
  const output = openOutput(options.output, io);
  try {
    const events = await writeEvents(request, output, io);
    if (events.interrupted) {
      output.discard();
      return interruptedExit(events.written, io);
    }
  } catch (error) {
    output.discard();
    throw error;
  }
  output.close();
  return EXIT_OK;
}

/** The workload asked for. Throws a usage error. */
function requestOf(name: string | undefined, options: GenCommandOptions): WorkloadRequest {
  if (name === undefined) {
    const names = WORKLOADS.map((kind) => kind.name).join(', ');
    throw usageError(`gen takes the name of a workload: ${names}; gen --list describes them`);
  }
  const choice = chooseModel(name, WORKLOADS);
  if (typeof choice === 'string') throw usageError(`gen ${choice}`);
  const request: WorkloadRequest = {
    choice,
    seed: parseSeed(options.seed),
    driver: options.driver ?? DEFAULT_DRIVER,
    explicit: options.explicit === true,
  };
  const wrong = refusal(request);
  if (wrong !== null) throw usageError(`gen ${wrong}`);
  return request;
}

function parseSeed(text: string | undefined): number {
  if (text === undefined) return DEFAULT_SEED;
  const seed = Number(text);
  if (!/^\d+$/.test(text) || seed >= 2 ** 32) {
    throw usageError(`--seed ${JSON.stringify(text)} is no seed; it takes an integer, 0 to 4294967295`);
  }
  return seed;
}

/** A list is of all workloads, and makes none. */
function refuseWithList(name: string | undefined, options: GenCommandOptions): void {
  const { seed, output, driver, explicit } = options;
  const beside = Object.entries({ '--seed': seed, '-o': output, '--driver': driver, '--explicit': explicit })
    .filter(([, value]) => value !== undefined)
    .map(([option]) => option);
  if (name !== undefined) beside.unshift(JSON.stringify(name));
  if (beside.length === 0) return;
  throw usageError(`gen --list describes all workloads and makes none; leave out --list, or ${beside.join(', ')}`);
}

function openOutput(path: string | undefined, io: Io): ClosableOutput {
  return path === undefined || path === '-' ? new StreamOutput(io.stdout) : new FileOutput(path);
}

/** Writes the events, line by line, until the end or a signal. */
async function writeEvents(
  request: WorkloadRequest,
  output: ClosableOutput,
  io: Io,
): Promise<{ readonly written: number; readonly interrupted: boolean }> {
  const interrupt = listenForInterrupt(io);
  let written = 0;
  try {
    for (const event of generate(request)) {
      output.write(`${lineOf(event)}\n`);
      if (++written % EVENTS_PER_TURN !== 0) continue;
      // Signals are delivered between turns of the event loop only.
      await new Promise(setImmediate);
      if (interrupt.asked) break;
    }
  } finally {
    interrupt.stop();
  }
  return { written, interrupted: interrupt.asked };
}

/** One line of the list: a workload, what it feeds, or one of its parameters. */
interface Row {
  readonly workload: string;
  readonly parameter: string;
  readonly text: string;
}

function list(json: boolean, io: Io): void {
  if (json) {
    const kinds = WORKLOADS.map(({ name, help, feeds, parameters }) => ({
      name,
      help,
      feeds,
      parameters: parameters.map((p) => ({ name: p.name, values: valuesText(p), default: p.initial, help: p.help })),
    }));
    io.stdout.write(`${stableJson(kinds as unknown as Json)}\n`);
    return;
  }
  const ink = new Chalk({ level: wantsColor('auto', io.stdout, io.env) ? 1 : 0 });
  const width = terminalWidth(io.stdout);
  io.stdout.write(table(WORKLOADS.flatMap(rowsOf), ink, width));
  const shared = SHARED.map((p) => `${ink.bold(`${p.name}=`)} ${parameterText(p)}\n`).join('');
  io.stdout.write(`\n${wrapped(shared, width, 2)}`);
  io.stdout.write(fittedNotes(HELP, width));
}

/** The rows as a table whose texts are broken where the terminal ends, and go on below where they began. */
function table(rows: readonly Row[], ink: ChalkInstance, width: number | null): string {
  const text = renderColumns(rows, COLUMNS, ink.bold);
  const [titles] = renderColumns(rows, COLUMNS).split('\n');
  const start = titles.indexOf(TEXT_TITLE) + 2;
  return wrapped(text, width, width !== null && width - start >= LEAST_TEXT ? start : 2);
}

/** Columns that a text needs to be read beside others. */
const LEAST_TEXT = 24;

function rowsOf({ name, help, feeds, parameters }: WorkloadKind): Row[] {
  const shared = parameters.filter(isShared).map((p) => `${p.name}=${p.initial}`);
  return [
    { workload: name, parameter: '', text: help },
    { workload: '', parameter: '', text: `feeds: ${feeds}` },
    ...parameters
      .filter((p) => !isShared(p))
      .map((p) => ({ workload: '', parameter: `${p.name}=${p.initial}`, text: `  ${parameterText(p)}` })),
    { workload: '', parameter: shared.join(','), text: '  how jobs are submitted, see below' },
  ];
}

/** The parameters that every workload has, explained once. */
const SHARED: readonly ModelParameter[] = submission('async', 0);

function isShared({ name }: ModelParameter): boolean {
  return SHARED.some((shared) => shared.name === name);
}

/** What a parameter is, and which words or numbers it takes. */
function parameterText(parameter: ModelParameter): string {
  const { help, values } = parameter;
  if (values === null) return `${help} (${valuesText(parameter)})`;
  // The words that explain themselves are not listed again.
  return values.every((value) => help.includes(value)) ? help : `${help}: ${values.join(', ')}`;
}

const TEXT_TITLE = 'what it is (parameters with their defaults)';

const COLUMNS: readonly Column<Row>[] = [
  { title: 'workload', align: 'left', cell: ({ workload }) => workload },
  { title: 'parameter', align: 'left', cell: ({ parameter }) => parameter },
  { title: TEXT_TITLE, align: 'left', cell: ({ text }) => text },
];
