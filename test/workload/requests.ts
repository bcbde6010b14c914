import { chooseModel, type ModelChoice } from '../../src/base/model.ts';
import type { Event } from '../../src/trace/events.ts';
import { generate, type WorkloadRequest } from '../../src/workload/generate.ts';
import { lineOf } from '../../src/workload/line.ts';
import { WORKLOADS } from '../../src/workload/registry.ts';

/** The request that a command line such as `game,frames=3` makes. */
export function request(text: string, more: Partial<Omit<WorkloadRequest, 'choice'>> = {}): WorkloadRequest {
  const choice = chooseModel(text, WORKLOADS);
  if (typeof choice === 'string') throw new Error(choice);
  return { choice: choice as ModelChoice, seed: 1, driver: 'panthor', explicit: false, ...more };
}

export function eventsOf(text: string, more: Partial<Omit<WorkloadRequest, 'choice'>> = {}): Event[] {
  return [...generate(request(text, more))];
}

export function linesOf(text: string, more: Partial<Omit<WorkloadRequest, 'choice'>> = {}): string[] {
  return eventsOf(text, more).map(lineOf);
}
