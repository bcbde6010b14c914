import { type Command, Option } from 'commander';
import { ALLOCATORS } from '../../allocator/registry.ts';
import { nearest } from '../../base/edit-distance.ts';
import { usageError } from '../../base/errors.ts';
import { chooseModel, type ModelChoice, modelText } from '../../base/model.ts';
import { GPU_DRIVERS, type GpuDriver } from '../../base/vocabulary.ts';
import { COMPARED_POLICIES, FLUSH_POLICIES } from '../../flush/registry.ts';
import { ENGINES } from '../../iommu/engines.ts';
import {
  BLOCK_POLICIES,
  type BlockPolicy,
  OVER_TABLE,
  type OverTable,
  UNPARK,
  type Unpark,
} from '../../lpae/pinning.ts';
import type { Latency, QueueOptions } from '../../replay/queue/queue-options.ts';
import {
  BOUNDARY_RULES,
  type BoundaryRule,
  DEFAULT_RESERVATION_OPTIONS as DEFAULTS,
  FREE_EMPTY,
  type FreeEmpty,
  RCU_MODES,
  type RcuMode,
  RESERVE_OVER_BLOCK,
  type ReservationOptions,
  type ReserveOverBlock,
} from '../../reservation/options.ts';
import { type RepeatCommandOptions, repeatCommandOptions } from './repeat-options.ts';

/** Options about where table pages come from and when they go, as commander hands them over. */
export interface PolicyCommandOptions extends RepeatCommandOptions {
  readonly driver?: readonly string[];
  readonly maple?: boolean;
  readonly engine?: string;
  readonly allocator?: readonly string[];
  /** False under --no-zero. */
  readonly zero: boolean;
  readonly queueDepth?: string;
  readonly execLatency?: string;
  readonly cleanupLatency?: string;
  readonly reserveAround?: 'areas';
  readonly blockPolicy: BlockPolicy;
  readonly overTable: OverTable;
  readonly unpark: Unpark;
  readonly reserveOverBlock: ReserveOverBlock;
  readonly boundary: BoundaryRule;
  readonly freeEmpty: FreeEmpty;
  readonly rcu: RcuMode;
  readonly rcuLatency?: string;
}

/** Gathers the values of an option that comes several times. */
export const collect = (text: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  text,
];

const ENGINE = 'Engine:';
const GPU = 'GPU drivers:';
const ALLOCATOR = 'Allocator and queue:';
const RESERVATIONS = 'IOVA reservations:';
const REPEAT = 'Repeat mappings:';

/** Adds the options about allocators, the queue and IOVA reservations. */
export function addPolicyOptions(command: Command): void {
  const add = (group: string, option: Option): void => {
    option.helpGroup(group);
    command.addOption(option);
  };
  add(
    ENGINE,
    new Option(
      '--engine <name[,k=v]>',
      'page-table engine behind IOMMU domains: arm, generic[,flush=no-gaps] (default: arm); GPU drivers call io-pgtable-arm in any case',
    ),
  );
  add(
    GPU,
    new Option(
      '--driver <name>',
      `replay binds by the rules of a driver (default: the domain's own): ${GPU_DRIVERS.join(', ')}; replay takes it several times, or all: one pass, one row each`,
    ).argParser(collect),
  );
  add(GPU, new Option('--maple', 'also count the nodes that a maple tree of the VMAs would preallocate'));
  add(
    ALLOCATOR,
    new Option(
      '--allocator <name[,k=v]>',
      "table allocator (default: the domain's own, else kernel); replay takes it several times, or all: one pass, one row each; see pgtrace allocators",
    ).argParser(collect),
  );
  add(ALLOCATOR, new Option('--no-zero', 'do not zero recycled table pages: shows the stale translations'));
  add(ALLOCATOR, new Option('--queue-depth <n>', 'so many operations wait between submission and execution'));
  add(
    ALLOCATOR,
    new Option('--exec-latency <t>', 'from submission to execution: operations, or ns, us, ms of the trace'),
  );
  add(ALLOCATOR, new Option('--cleanup-latency <t>', 'from execution to the return of what was reserved and not used'));
  add(
    RESERVATIONS,
    new Option('--reserve-around <what>', 'reserve around each mapped area, as iommufd would').choices(['areas']),
  );
  const choice = (flag: string, help: string, values: readonly string[], initial: string): void =>
    add(RESERVATIONS, new Option(flag, help).choices(values).default(initial));
  choice(
    '--block-policy <how>',
    'a map of a block where a pinned table stands: set the table aside, write smaller leaves, fail',
    BLOCK_POLICIES,
    DEFAULTS.blockPolicy,
  );
  choice('--over-table <how>', 'leaves below a table that a block is to replace', OVER_TABLE, DEFAULTS.overTable);
  choice(
    '--unpark <when>',
    'when a table that was set aside comes back: for the next smaller map, or with the unmap of the block',
    UNPARK,
    DEFAULTS.unpark,
  );
  choice(
    '--reserve-over-block <how>',
    'a reserve of a range where a block is mapped',
    RESERVE_OVER_BLOCK,
    DEFAULTS.overBlock,
  );
  choice(
    '--boundary <rule>',
    'tables that may be freed when empty: those the range covers, or all that nobody pins (auto: covered once a map came from outside a reservation)',
    BOUNDARY_RULES,
    DEFAULTS.boundary,
  );
  choice(
    '--free-empty <when>',
    'when unmaps and unreserves free empty tables (eager: at once, by the rule of --boundary)',
    FREE_EMPTY,
    DEFAULTS.freeEmpty,
  );
  choice(
    '--rcu <mode>',
    'how freed tables wait for readers: not, one callback a page, one a batch, until the gather is synced',
    RCU_MODES,
    DEFAULTS.rcu,
  );
  add(
    RESERVATIONS,
    new Option('--rcu-latency <t>', 'the least that freed tables wait: events, or ns, us, ms of the trace'),
  );
  for (const option of repeatCommandOptions()) add(REPEAT, option);
}

/** The allocators asked for; [null] leaves the choice to the trace. Throws a usage error. */
export function allocatorChoices(texts: readonly string[] | undefined): readonly (ModelChoice | null)[] {
  if (texts === undefined) return [null];
  const choices: ModelChoice[] = [];
  for (const text of texts) {
    if (text === 'all') {
      choices.push(...ALLOCATORS.map(({ name }) => ({ name, parameters: {} })));
      continue;
    }
    const choice = chooseModel(text, ALLOCATORS);
    if (typeof choice === 'string') {
      const known = ALLOCATORS.some(({ name }) => name === text.split(',')[0]);
      throw usageError(`--allocator ${choice}${known ? '' : ', or all'}`);
    }
    choices.push(choice);
  }
  refuseTwice('--allocator', texts, choices.map(modelText));
  return choices;
}

/** The flush policies asked for; null leaves the choice to the trace. `all`: those that are worth a comparison. Throws a usage error. */
export function flushChoices(texts: readonly string[] | undefined): readonly ModelChoice[] | null {
  if (texts === undefined) return null;
  const choices = texts.flatMap((text): readonly ModelChoice[] => {
    if (text === 'all') return COMPARED_POLICIES;
    const choice = chooseModel(text, FLUSH_POLICIES);
    if (typeof choice === 'string') throw usageError(`--flush ${choice}`);
    return [choice];
  });
  refuseTwice('--flush', texts, choices.map(modelText));
  return choices;
}

/** Throws a usage error where several flush policies are given to a command that replays with one. */
export function oneFlush(command: string, texts: readonly string[] | undefined): void {
  if ((flushChoices(texts)?.length ?? 1) > 1) {
    throw usageError(
      `${command} replays with one flush policy; give one --flush, or compare them with \`pgtrace replay\``,
    );
  }
}

/** Throws a usage error when a name comes twice among those that the texts of an option stand for. */
function refuseTwice(option: string, texts: readonly string[], names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice === undefined) return;
  if (texts.filter((text) => text === 'all').length > 1) throw usageError(`${option} all is given twice`);
  const included = texts.includes('all') && texts.filter((text) => text === twice).length < 2;
  throw usageError(`${option} ${twice} is given twice${included ? ': all includes it' : ''}`);
}

/** The GPU drivers asked for; [null] leaves the choice to the trace. Throws a usage error. */
export function driverChoices(names: readonly string[] | undefined): readonly (GpuDriver | null)[] {
  if (names === undefined) return [null];
  const drivers = names.flatMap((name) => (name === 'all' ? GPU_DRIVERS : [name]));
  const known: readonly string[] = GPU_DRIVERS;
  const bad = drivers.find((name) => !known.includes(name));
  if (bad !== undefined) {
    const guess = nearest(bad, GPU_DRIVERS);
    const meant = guess === null ? '' : ` (did you mean ${guess}?)`;
    throw usageError(`--driver ${JSON.stringify(bad)} is none of ${GPU_DRIVERS.join(', ')}, or all${meant}`);
  }
  refuseTwice('--driver', names, drivers);
  return drivers as readonly GpuDriver[];
}

/** The engine asked for; null: io-pgtable-arm. Throws a usage error, also for what only that one can do. */
export function engineChoice(options: PolicyCommandOptions): ModelChoice | null {
  const { engine, reserveAround, freeEmpty, overTable } = options;
  if (engine === undefined) return null;
  const choice = chooseModel(engine, ENGINES);
  if (typeof choice === 'string') throw usageError(`--engine ${choice}`);
  if (choice.name === 'arm') return null;
  const kept =
    reserveAround !== undefined
      ? '--reserve-around'
      : freeEmpty !== DEFAULTS.freeEmpty
        ? '--free-empty'
        : overTable !== DEFAULTS.overTable
          ? '--over-table'
          : null;
  if (kept !== null) throw usageError(`${kept} keeps or frees tables of io-pgtable-arm; leave out it or --engine`);
  return choice;
}

/** The queue asked for; null when operations run at once. Throws a usage error. */
export function queueOptions(options: PolicyCommandOptions): QueueOptions | null {
  const { queueDepth, execLatency, cleanupLatency } = options;
  if (queueDepth === undefined && execLatency === undefined && cleanupLatency === undefined) return null;
  const exec = execLatency === undefined ? null : parseLatency('--exec-latency', execLatency);
  const depth = queueDepth === undefined ? (exec === null ? 0 : null) : parseDepth(queueDepth);
  const cleanup: Latency =
    cleanupLatency === undefined ? { value: 0, unit: 'ops' } : parseLatency('--cleanup-latency', cleanupLatency);
  return { depth, exec, cleanup };
}

/** The policies of IOVA reservations. Throws a usage error. */
export function reservationOptions(options: PolicyCommandOptions): ReservationOptions {
  const { blockPolicy, overTable, unpark, reserveOverBlock, boundary, freeEmpty, rcu, rcuLatency } = options;
  const latency: Latency =
    rcuLatency === undefined ? { value: 0, unit: 'ops' } : parseLatency('--rcu-latency', rcuLatency);
  return {
    blockPolicy,
    overTable,
    unpark,
    overBlock: reserveOverBlock,
    boundary,
    freeEmpty,
    rcu,
    rcuLatency: latency.value,
    rcuLatencyUnit: latency.unit,
  };
}

function parseDepth(text: string): number {
  const depth = Number(text);
  if (!/^\d+$/.test(text) || depth > MOST) throw usageError(`--queue-depth takes a number of operations, 0 to ${MOST}`);
  return depth;
}

const MOST = 10_000_000;
const UNITS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 };

/** `16`, `16ops`: operations; `500ns`, `20us`, `3ms`, `1s`: time. */
function parseLatency(option: string, text: string): Latency {
  const match = /^(\d{1,12})(ops|ns|us|ms|s)?$/.exec(text);
  if (match === null) {
    throw usageError(
      `${option} ${JSON.stringify(text)} is no latency; such as 16 (operations), 500ns, 20us, 3ms or 1s`,
    );
  }
  const unit = match[2] ?? 'ops';
  if (unit === 'ops') return { value: Number(match[1]), unit: 'ops' };
  return { value: Number(match[1]) * UNITS[unit], unit: 'ns' };
}
