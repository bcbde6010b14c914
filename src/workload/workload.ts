import { type ModelKind, type ModelParameter, parameterOf } from '../base/model.ts';
import type { Session } from './session.ts';

/** A workload as the command line knows it. */
export interface WorkloadKind extends ModelKind {
  /** What people argue about that this workload gives numbers to. */
  readonly feeds: string;
  /** What is wrong with parameters that are right one by one; null when nothing is. */
  refuses?(values: Values): string | null;
  /** Declares and binds in small steps; the events of a session are taken away after each. */
  play(vm: Session, values: Values): Iterable<void>;
}

/** The parameters of a workload, given or initial. */
export class Values {
  readonly #kind: ModelKind;
  readonly #given: Readonly<Record<string, string>>;

  constructor(kind: ModelKind, given: Readonly<Record<string, string>>) {
    this.#kind = kind;
    this.#given = given;
  }

  word(name: string): string {
    return parameterOf(this.#kind, this.#given, name);
  }

  number(name: string): number {
    return Number(this.word(name));
  }

  /** True when the person gave it. */
  has(name: string): boolean {
    return Object.hasOwn(this.#given, name);
  }
}

/** The most steps (frames, jobs) that a workload takes. */
export const MOST_STEPS = 100_000_000;

export function count(name: string, min: number, max: number, initial: number, help: string): ModelParameter {
  return { name, values: null, min, max, initial: String(initial), help };
}

export function percent(name: string, initial: number, help: string): ModelParameter {
  return count(name, 0, 100, initial, help);
}

export function word(name: string, values: readonly string[], initial: string, help: string): ModelParameter {
  return { name, values, initial, help };
}

/** How the jobs of a workload are submitted: parameters that all of them have. */
export function submission(mode: 'sync' | 'async', depth: number): readonly ModelParameter[] {
  return [
    word('mode', ['sync', 'async'], mode, 'sync: each bind runs before the next; async: through a queue'),
    count('depth', 0, 100_000, depth, 'async jobs that wait; --explicit writes their exec and cleanup'),
  ];
}
