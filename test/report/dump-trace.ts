import { type CommandResult, type FakeIoOptions, runCli } from '../cli/fake-io.ts';

/** A short way to write the traces of the dump tests: events as objects. */
export type TraceLine = Readonly<Record<string, unknown>>;

const DOMAIN: TraceLine = { op: 'domain', id: 'd0' };

/** One map request; `prot` is `rwc` unless given. */
export function map(iova: string, paddr: string, size: number, prot = 'rwc', more: TraceLine = {}): TraceLine {
  return { op: 'map', iova, paddr, size, prot, ...more };
}

/** A domain with blocks, consecutive pages, a change of attributes, a jump in the physical addresses and an empty table. */
export const SMALL: readonly TraceLine[] = [
  DOMAIN,
  map('0x3000', '0x80003000', 0x3000),
  map('0x6000', '0x80006000', 0x1000, 'rn'),
  map('0x7000', '0x90000000', 0x2000, 'rn'),
  map('0x200000', '0x80200000', 0x400000),
  map('0x600000', '0x80600000', 0x1000),
  map('0x40000000', '0x50000000', 0x1000),
  { op: 'unmap', iova: '0x40000000', size: 0x1000 },
];

/** Runs `dump` on a trace given as lines or as text. */
export function dump(
  trace: readonly TraceLine[] | string,
  args: readonly string[] = [],
  options: FakeIoOptions = {},
): Promise<CommandResult> {
  const stdin = typeof trace === 'string' ? trace : trace.map((line) => `${JSON.stringify(line)}\n`).join('');
  return runCli(['dump', '-', ...args], { stdin, ...options });
}

/** The dump's stdout; fails when there is anything else to say. */
export async function dumped(trace: readonly TraceLine[], args: readonly string[] = []): Promise<string> {
  const result = await dump(trace, args);
  if (result.code !== 0 || result.stderr !== '') throw new Error(`exit ${result.code}: ${result.stderr}`);
  return `\n${result.stdout}`;
}
