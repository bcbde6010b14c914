import { ALLOCATORS } from '../../allocator/registry.ts';
import { nearest } from '../../base/edit-distance.ts';
import { usageError } from '../../base/errors.ts';
import { chooseModel, type ModelChoice, modelText } from '../../base/model.ts';
import { GPU_DRIVERS, type GpuDriver } from '../../base/vocabulary.ts';
import { COMPARED_POLICIES, FLUSH_POLICIES } from '../../flush/registry.ts';
import { ENGINES } from '../../iommu/engines.ts';
import type { Latency, QueueOptions } from '../../replay/queue/queue-options.ts';
import type { RepeatOptions } from '../../replay/repeats/options.ts';
import { DEFAULT_RESERVATION_OPTIONS as DEFAULTS, type ReservationOptions } from '../../reservation/options.ts';
import type { PolicyCommandOptions } from './policy-options.ts';
import type { RepeatCommandOptions } from './repeat-options.ts';

/*
 * What the options of policy-options.ts stand for. Apart from their declarations, so that help and the version need none of
 * the registries.
 */

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

/** How repeat mappings are made. */
export function repeatOptions({ repeat, repeatUnwind, cowReserve }: RepeatCommandOptions): RepeatOptions {
  return { tables: repeat, unwind: repeatUnwind, cowReserve: cowReserve === 'on' };
}
