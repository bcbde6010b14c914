/** A time between two phases of an operation: in operations, or in nanoseconds of the trace's time stamps. */
export interface Latency {
  readonly value: number;
  readonly unit: 'ops' | 'ns';
}

/** When a submitted operation runs, and when its surplus goes back. */
export interface QueueOptions {
  /** At most so many operations wait; null: as many as there are. */
  readonly depth: number | null;
  /** From submission to execution; null: until the queue is full or must be empty. */
  readonly exec: Latency | null;
  /** From execution to cleanup. */
  readonly cleanup: Latency;
}

/** A queue in words: `depth 64, exec after 16 ops`. */
export function queueText({ depth, exec, cleanup }: QueueOptions): string {
  const parts = [
    ...(depth === null ? [] : [`depth ${depth}`]),
    ...(exec === null ? [] : [`exec after ${latencyText(exec)}`]),
    ...(cleanup.value === 0 ? [] : [`cleanup after ${latencyText(cleanup)}`]),
  ];
  return parts.join(', ');
}

/** `16 ops`, `50us`: in the largest unit that divides it. */
export function latencyText({ value, unit }: Latency): string {
  if (unit === 'ops') return `${value} ops`;
  for (const [name, size] of TIMES) if (value % size === 0) return `${value / size}${name}`;
  return `${value}ns`;
}

const TIMES: readonly (readonly [string, number])[] = [
  ['s', 1e9],
  ['ms', 1e6],
  ['us', 1e3],
];
