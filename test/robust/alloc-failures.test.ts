/** No memory at every allocation of the shipped traces that test/replay/faults.test.ts leaves to others: recordings, binds, nests, windows. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ALLOCATORS } from '../../src/allocator/registry.ts';
import { GPU_DRIVERS } from '../../src/base/vocabulary.ts';
import * as C from '../../src/lpae/counters.ts';
import type { ReplayOptions } from '../../src/replay/options.ts';
import type { Replayer } from '../../src/replay/replayer.ts';
import { runCli } from '../cli/fake-io.ts';
import { replayEach } from '../replay/run.ts';

const TRACES = new URL('../../traces/', import.meta.url).pathname;
const names = readdirSync(TRACES);
const recordings = names.filter((name) => name.endsWith('.txt.gz'));
const others = names.filter((name) => /^(bind-|window-|nested-).*\.ndjson$/.test(name));
/** Far beyond the last allocation: nothing fails. */
const NEVER = 1_000_000;

type Event = Readonly<Record<string, unknown>>;

interface Run {
  readonly failures: number;
  /** Allocations, refused ones too. */
  readonly asked: number;
}

/** Replays with the nth allocation of an address space failing, and holds what is left against what was taken. */
async function withoutPage(
  events: readonly Event[],
  domain: string | null,
  nth: number,
  choices: readonly Partial<ReplayOptions>[],
): Promise<Run[]> {
  const made = events.filter(({ op }) => op === 'domain' || op === 'nest').map(({ id }) => id as string);
  const at = domain === null ? 0 : events.findIndex(({ op, id }) => op === 'domain' && id === domain) + 1;
  const all = [
    ...events.slice(0, at),
    { op: 'fail_alloc', nth, ...(domain === null ? {} : { domain }) },
    ...events.slice(at),
    ...[...new Set(made)].reverse().map((id) => ({ op: 'destroy', domain: id })),
  ];
  const replays = await replayEach(all, choices, { skip: () => {} });
  return replays.map(({ replayer }, i) => balanced(replayer, JSON.stringify([choices[i], domain, nth])));
}

function balanced({ spaces, memory }: Replayer, what: string): Run {
  let failures = 0;
  let asked = 0;
  for (const { counters: engine, gpu, stats, refusal, destroyed } of spaces) {
    const counters = gpu?.own?.counters ?? engine;
    const [live, taken, given] = [C.TABLES_LIVE, C.TABLE_ALLOCS, C.TABLE_FREES].map((at) => counters[at]);
    const { TABLE_ALLOC_FAILS, MAPPED_BYTES, BYTES_LOGICAL } = C;
    if (live !== taken - given || (destroyed && live + counters[MAPPED_BYTES] + counters[BYTES_LOGICAL] !== 0)) {
      expect([what, { live, taken, given, mapped: counters[MAPPED_BYTES], bytes: counters[BYTES_LOGICAL] }]).toEqual([
        what,
        'a balance',
      ]);
    }
    failures += counters[TABLE_ALLOC_FAILS] + stats.failedAtSubmit + stats.failedInRun + (refusal === null ? 0 : 1);
    asked += taken + counters[TABLE_ALLOC_FAILS] + stats.pages;
  }
  if (spaces.every(({ destroyed }) => destroyed)) expect([what, memory.tables]).toEqual([what, 0]);
  return { failures, asked };
}

/** Every allocation fails once, up to the last that any of the choices makes. Returns how many runs had a failure. */
async function everywhere(
  events: readonly Event[],
  domain: string | null,
  choices: readonly Partial<ReplayOptions>[],
): Promise<number> {
  const clean = await withoutPage(events, domain, NEVER, choices);
  const most = Math.max(...clean.map(({ asked }) => asked));
  let failed = 0;
  // Large bundles take too long page by page; the first and the last ones are all tried.
  const step = (nth: number): number => (nth < 10 || nth > most - 4 ? 1 : Math.ceil(most / 10));
  for (let nth = 1; nth <= most; nth += step(nth)) {
    const runs = await withoutPage(events, domain, nth, choices);
    failed += runs.filter(({ failures }, i) => failures > clean[i].failures).length;
  }
  return failed;
}

function eventsOf(text: string): Event[] {
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Event);
}

describe('a page that cannot be had', () => {
  it.each(recordings)('anywhere in the recording %s, under every allocator', async (name) => {
    const { stdout, code } = await runCli(['import', `${TRACES}${name}`]);
    expect(code).toBe(0);
    const events = eventsOf(stdout);
    const ids = events.filter(({ op }) => op === 'domain').map(({ id }) => id as string);
    // The busiest address space of each stands for the others.
    const uses = (id: string): number => events.filter(({ domain }) => domain === id).length;
    const [domain = null] = ids.sort((a, b) => uses(b) - uses(a));
    const choices = ALLOCATORS.map(({ name: allocator }) => ({ allocator: { name: allocator, parameters: {} } }));
    expect(await everywhere(events, domain, choices)).toBeGreaterThan(10);
  });

  it.each(others.filter((name) => name.startsWith('bind-')))('anywhere in %s, under every GPU driver', async (name) => {
    const events = eventsOf(readFileSync(`${TRACES}${name}`, 'utf8'));
    const domain = (events.find(({ op }) => op === 'domain')?.['id'] as string | undefined) ?? null;
    const choices = GPU_DRIVERS.map((driver) => ({ driver }));
    expect(await everywhere(events, domain, choices)).toBeGreaterThan(0);
  });

  it.each(others.filter((name) => !name.startsWith('bind-')))('anywhere in %s', async (name) => {
    const events = eventsOf(readFileSync(`${TRACES}${name}`, 'utf8'));
    const ids = events.filter(({ op }) => op === 'domain').map(({ id }) => id as string);
    let failed = 0;
    for (const domain of ids) failed += await everywhere(events, domain, [{}]);
    if (ids.length > 0 && name !== 'nested-passthrough.ndjson') expect(failed).toBeGreaterThan(0);
  });

  it('ends every command as it promises, whatever the trace', async () => {
    const codes = new Set<number>();
    for (const name of names.filter((one) => one.endsWith('.ndjson'))) {
      const lines = readFileSync(`${TRACES}${name}`, 'utf8').trim().split('\n');
      for (const nth of [1, 2, 5]) {
        const stdin = [`{"op":"fail_alloc","nth":${nth}}`, ...lines].join('\n');
        const command = ['replay', 'check', 'dump'][nth % 3];
        const { code, stderr } = await runCli([command, '-'], { stdin });
        codes.add(code);
        if (![0, 1, 3].includes(code)) expect([name, nth, code, stderr]).toEqual([name, nth, 'a promised code', '']);
      }
    }
    expect(codes.has(0) && codes.has(3)).toBe(true);
  });
});
