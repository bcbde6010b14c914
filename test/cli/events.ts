import { runCli } from './fake-io.ts';

export const K4 = 4096;
export const M2 = 2 ** 21;
export const G1 = 2 ** 30;

/** Events of small traces; `fields` adds times and the like. */
export const domain = (fields: object = {}): object => ({ op: 'domain', id: 'd0', ...fields });
export const map = (iova: number, size: number, fields: object = {}): object => ({
  op: 'map',
  iova: hex(iova),
  paddr: hex(0x1_0000_0000 + iova),
  size,
  prot: 'rw',
  ...fields,
});
export const unmap = (iova: number, size: number, fields: object = {}): object => ({
  op: 'unmap',
  iova: hex(iova),
  size,
  ...fields,
});
export const reserve = (id: string, iova: number, size: number, fields: object = {}): object => ({
  op: 'reserve',
  id,
  iova: hex(iova),
  size,
  ...fields,
});
export const unreserve = (id: string, fields: object = {}): object => ({ op: 'unreserve', id, ...fields });
export const lookUp = (iova: number, fields: object = {}): object => ({
  op: 'iova_to_phys',
  iova: hex(iova),
  ...fields,
});

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

export function ndjson(events: readonly object[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join('');
}

/** One reservation of the statistics, as far as tests look at it. */
export interface RangeRow {
  readonly id: string;
  readonly live: boolean;
  readonly pinned: number;
  readonly used: number;
  readonly maps: number;
  readonly unmaps: number;
  readonly freed: number;
}

export type Counters = Readonly<Record<string, number>>;

/** The document of `replay --json`, as far as tests look at it. */
export interface Statistics {
  readonly complete: boolean;
  readonly counters: Counters;
  readonly domains: readonly { readonly id: string; readonly reservations: readonly RangeRow[] }[];
  readonly findings: readonly { readonly kind: string; readonly line: number; readonly message: string }[];
  readonly strategies?: readonly { readonly allocator: string; readonly counters: Counters }[];
}

/** Replays a trace, a path or events that come through standard input, and gives its statistics. */
export async function statsOf(
  trace: string | readonly object[],
  ...args: string[]
): Promise<{ readonly code: number; readonly document: Statistics; readonly counters: Counters }> {
  const { code, stdout, stderr } =
    typeof trace === 'string'
      ? await runCli(['replay', trace, '--json', ...args])
      : await runCli(['replay', '-', '--json', ...args], { stdin: ndjson(trace) });
  if (stdout === '') throw new Error(stderr);
  const document = JSON.parse(stdout) as Statistics;
  return { code, document, counters: document.counters };
}

/** Replays events and gives their result lines. */
export async function linesOf(events: readonly object[], ...args: string[]): Promise<Record<string, unknown>[]> {
  const { stdout } = await runCli(['replay', '-', '--results', '-', ...args], { stdin: ndjson(events) });
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
