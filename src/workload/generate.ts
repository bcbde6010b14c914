import { kindOf, type ModelChoice } from '../base/model.ts';
import type { GpuDriver } from '../base/vocabulary.ts';
import type { Event, TraceEvent } from '../trace/events.ts';
import { domainEvent, hasNullMaps } from './gpu-drivers.ts';
import { WORKLOADS } from './registry.ts';
import { Session } from './session.ts';
import { Values } from './workload.ts';

/** A workload with all that decides its bytes. */
export interface WorkloadRequest {
  /** A choice that was made from WORKLOADS. */
  readonly choice: ModelChoice;
  /** An integer in [0, 2^32). */
  readonly seed: number;
  readonly driver: GpuDriver;
  readonly explicit: boolean;
}

/** What keeps a request from being generated, null when nothing does. */
export function refusal({ choice, explicit }: WorkloadRequest): string | null {
  const kind = kindOf(choice, WORKLOADS);
  const values = new Values(kind, choice.parameters);
  if (values.word('mode') === 'sync') {
    if (values.has('depth')) return `${kind.name},depth= is for asynchronous jobs; add mode=async, or leave it out`;
    if (explicit) {
      return `--explicit is for asynchronous jobs, and these binds run at once; ask for ${kind.name},mode=async`;
    }
  }
  return kind.refuses?.(values) ?? null;
}

/**
 * The events of a workload, the `trace` and `domain` lines first. The same request gives the same events. Memory is that of
 * the objects that live at a time, however long the trace.
 */
export function* generate(request: WorkloadRequest): Generator<Event, void> {
  const { choice, seed, driver, explicit } = request;
  const kind = kindOf(choice, WORKLOADS);
  const values = new Values(kind, choice.parameters);
  const vm = new Session({
    seed,
    mode: values.word('mode') === 'sync' ? 'sync' : 'async',
    depth: values.number('depth'),
    explicit,
    nullMaps: hasNullMaps(driver),
  });
  yield traceEvent(request, values);
  yield domainEvent(driver);
  for (const _ of kind.play(vm, values)) yield* vm.drain();
  vm.finish();
  yield* vm.drain();
}

/** The line that tells how to make the trace again: parameters that are not the initial ones, in the order of their declaration. */
function traceEvent({ choice, seed, driver, explicit }: WorkloadRequest, values: Values): TraceEvent {
  const { parameters } = kindOf(choice, WORKLOADS);
  // 007 and 7 are one number.
  const all = parameters.map((p): [string, string | number] => [
    p.name,
    p.values === null ? values.number(p.name) : values.word(p.name),
  ]);
  const given = all.filter(([, value], i) => String(value) !== parameters[i].initial);
  const model = [choice.name, ...given.map(([name, value]) => `${name}=${value}`)].join(',');
  const options = `${driver === 'panthor' ? '' : ` --driver ${driver}`}${explicit ? ' --explicit' : ''}`;
  return {
    op: 'trace',
    version: 1,
    source: `pgtrace gen ${model} --seed ${seed}${options}`,
    meta: { workload: choice.name, seed, parameters: Object.fromEntries(all) },
  };
}
