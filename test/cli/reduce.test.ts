/** `pgtrace reduce` as a command, and the proof that it finds a planted cause among many events. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli.ts';
import { FakeIo, runCli } from './fake-io.ts';

const K4 = 4096;
const M2 = 2 ** 21;
const hex = (n: number): string => `0x${n.toString(16)}`;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgtrace-reduce-test-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function trace(name: string, events: readonly object[]): string {
  const path = join(folder, name);
  writeFileSync(path, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  return path;
}

interface Reduced {
  readonly code: number;
  readonly events: readonly Record<string, unknown>[];
  readonly stderr: string;
}

async function reduce(...args: string[]): Promise<Reduced> {
  const { code, stdout, stderr } = await runCli(['reduce', ...args]);
  const lines = stdout.split('\n').filter((line) => line !== '');
  return { code, stderr, events: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

/** Replays that the summary tells of. */
function replays({ stderr }: Reduced): number {
  return Number(/ in ([\d,]+) (replay|run)/.exec(stderr)?.[1].replaceAll(',', ''));
}

/** Maps, unmaps and look-ups at random places of several address spaces, none of which is wrong. */
function noise(count: number, domains: readonly string[], seed = 1): object[] {
  let state = seed;
  const random = (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  return Array.from({ length: count }, () => {
    const domain = domains[random(domains.length)];
    const iova = hex(random(2 ** 15) * K4);
    const size = K4 * (1 + random(16));
    const op = random(5);
    if (op === 0) return { op: 'iova_to_phys', domain, iova };
    return op < 4 ? { op: 'map', domain, iova, paddr: iova, size } : { op: 'unmap', domain, iova, size };
  });
}

function without(event: Readonly<Record<string, unknown>>, field: string): object {
  return Object.fromEntries(Object.entries(event).filter(([key]) => key !== field));
}

/** Spreads events over others, in their order. */
function spread(among: readonly object[], planted: readonly object[]): object[] {
  const result = [...among];
  planted.forEach((event, i) => {
    result.splice(Math.floor((result.length * (i + 1)) / (planted.length + 1)), 0, event);
  });
  return result;
}

/** A reader walks through a table while the unmap of a bind frees it. Others map nothing at these addresses. */
const CAUSE: readonly Readonly<Record<string, unknown>>[] = [
  { op: 'domain', id: 'victim' },
  { op: 'bo', id: 'bo', size: K4, segments: [{ paddr: '0x10000', size: K4 }] },
  {
    op: 'bind',
    domain: 'victim',
    job: 1,
    mode: 'sync',
    ops: [{ kind: 'map', iova: hex(77 * M2), size: K4, bo: 'bo' }],
  },
  { op: 'rcu_read', domain: 'victim', id: 'r', phase: 'begin', iova: hex(77 * M2) },
  { op: 'bind', domain: 'victim', job: 2, mode: 'sync', ops: [{ kind: 'unmap', iova: hex(77 * M2), size: M2 }] },
];

describe('a cause of five events', () => {
  it('is found among 50,000 that have nothing to do with it, in seconds and few replays', async () => {
    const domains = ['a', 'b', 'c', 'victim'];
    const events = [
      ...domains.slice(0, 3).map((id) => ({ op: 'domain', id })),
      CAUSE[0],
      ...spread(noise(50_000, domains), CAUSE.slice(1)),
    ];
    const path = trace('planted.ndjson', events);
    const options = ['--rcu', 'none', '--keep', 'finding:use-after-free@victim'];
    const start = performance.now();
    const found = await reduce(path, ...options);
    expect(performance.now() - start).toBeLessThan(60_000);
    expect(found.code).toBe(0);
    expect(replays(found)).toBeLessThan(300);
    expect(found.events).toEqual([
      { op: 'trace', version: 1, comment: 'still shows finding:use-after-free@victim' },
      ...CAUSE.map((event) => (event.op === 'domain' ? event : without(event, 'domain'))),
    ]);
    const small = trace('small.ndjson', found.events);
    const again = await runCli(['replay', '--json', '--rcu', 'none', small]);
    expect(JSON.parse(again.stdout).counters['findings.use-after-free']).toBe(1);
    // None of them can go.
    for (let i = 1; i < found.events.length; i++) {
      const fewer = trace(
        'fewer.ndjson',
        found.events.filter((_, at) => at !== i),
      );
      expect((await reduce(fewer, ...options)).code).not.toBe(0);
    }
  }, 90_000);

  it('is found where nothing says where to look', async () => {
    const events = [{ op: 'domain', id: 'a' }, CAUSE[0], ...spread(noise(5000, ['a']), CAUSE.slice(1))];
    const path = trace('blind.ndjson', events);
    for (const condition of ['counter:findings.use-after-free>0', 'exit:1']) {
      const found = await reduce(path, '--rcu', 'none', '--keep', condition);
      expect(found.code).toBe(0);
      expect(found.events.length).toBeLessThanOrEqual(6);
      expect(replays(found)).toBeLessThan(300);
    }
  }, 60_000);
});

describe('what is kept', () => {
  const wrong = { op: 'iova_to_phys', domain: 'b', iova: '0x5000', paddr: '0x7000' };
  const events = [
    { op: 'domain', id: 'a' },
    { op: 'domain', id: 'b' },
    ...noise(3000, ['a', 'b'], 5),
    { ...wrong, domain: 'a' },
    wrong,
    ...noise(50, ['a', 'b'], 6),
  ];

  it('is a finding of one address space', async () => {
    const found = await reduce(trace('domain.ndjson', events), '--keep', 'finding:expectation@b');
    expect(found.code).toBe(0);
    expect(found.events.slice(1).map(({ op }) => op)).toEqual(['domain', 'iova_to_phys']);
    // The only one that is left: its events need not name it.
    expect(found.events[1]['id']).toBe('b');
  });

  it('is a counter', async () => {
    const found = await reduce(trace('counter.ndjson', events), '--keep', 'counter:errors.EEXIST>=2');
    expect(found.code).toBe(0);
    const counters = JSON.parse((await runCli(['replay', '--json', trace('c.ndjson', found.events)])).stdout).counters;
    expect(counters['errors.EEXIST']).toBe(2);
    expect(found.events.slice(1).every(({ op }) => op === 'map')).toBe(true);
    expect(found.events.length).toBeLessThanOrEqual(5);
  });

  it('is several things at once', async () => {
    const found = await reduce(
      trace('both.ndjson', events),
      '--keep',
      'counter:errors.EEXIST>0',
      '--keep',
      'finding:expectation',
    );
    expect(found.code).toBe(0);
    const { counters } = JSON.parse((await runCli(['replay', '--json', trace('d.ndjson', found.events)])).stdout);
    expect([counters['errors.EEXIST'], counters['findings.expectation']]).toEqual([1, 1]);
    expect(found.events.length).toBe(4);
  });

  it('is an event that cannot be replayed', async () => {
    const path = trace('exit.ndjson', [
      ...events,
      { op: 'map', domain: 'nosuch', iova: '0x0', paddr: '0x0', size: K4 },
    ]);
    const found = await reduce(path, '--keep', 'exit:3');
    expect(found.code).toBe(0);
    expect(found.events.length).toBe(2);
  });

  it('is a rule of the checks', async () => {
    const found = await reduce(
      trace('check.ndjson', [
        ...noise(200, ['a']).map((event, i) => ({
          ...event,
          domain: undefined,
          ts: 100 * i,
          end: 100 * i + 10,
          thread: 'x',
        })),
        { op: 'map', iova: hex(2 ** 35), paddr: '0x0', size: K4, ts: 30_000, end: 30_100, thread: 'x' },
        { op: 'unmap', iova: hex(2 ** 35), size: K4, ts: 30_050, end: 30_150, thread: 'y' },
      ]),
      '--keep',
      'finding:lock-conflict',
    );
    expect(found.stderr).toContain('still shows finding:lock-conflict');
    expect(found.events.length).toBe(3);
  });

  it('is a rule of the checks as their options have it', async () => {
    const keep = ['--keep', 'finding:lock-conflict'];
    const calm = noise(400, ['a']).map((event, i) => ({ ...event, ts: 100 * i, end: 100 * i + 10, thread: 'x' }));
    const look = { op: 'iova_to_phys', domain: 'a' };
    const planted = [
      { ...look, iova: hex(2 ** 35), ts: 50_000, end: 50_100, thread: 'x' },
      { ...look, iova: hex(2 ** 35 + 128), ts: 50_050, end: 50_150, thread: 'y' },
    ];
    const path = trace('look-ups.ndjson', [{ op: 'domain', id: 'a' }, ...calm, ...planted]);
    // Readers may meet, unless the plain sentence is taken at its word.
    for (const others of [[], ['--lock', 'rw'], ['--lock', 'literal', '--concurrent', 'queue']]) {
      const none = await reduce(path, ...keep, ...others);
      expect([none.code, none.events]).toEqual([1, []]);
    }
    const found = await reduce(path, ...keep, '--lock', 'literal');
    expect(found.code, found.stderr).toBe(0);
    const [, ...left] = found.events;
    expect(left.filter(({ op }) => op !== 'domain').map(({ op }) => op)).toEqual(['iova_to_phys', 'iova_to_phys']);
    const small = trace('two-look-ups.ndjson', found.events);
    expect((await runCli(['check', small, '--lock', 'literal', '--rule', 'lock-conflict'])).code).toBe(1);
    expect((await runCli(['check', small, '--rule', 'lock-conflict'])).code).toBe(0);
  });

  it.each([
    ['leak', '--leaks', 'all', 'destroy'],
    ['reuse-before-flush', '--tlb', 'any', 'touched'],
    ['reuse-before-flush', '--flush-queue', 'single', 'percpu'],
  ])('is a finding of %s under %s %s only', async (rule, option, shows, hides) => {
    const at = { domain: 'a', iova: '0x800000000', size: K4 };
    const mapped = { op: 'map', ...at, paddr: '0x0', ts: 50_000 };
    const lazily = { op: 'unmap', ...at, gather: 'queued', ts: 51_000 };
    // Behind the timer of a queue of a CPU, before that of the single one.
    const late = { ...mapped, ts: 51_000 + 20e6 };
    const planted: Readonly<Record<string, readonly object[]>> = {
      '--leaks': [mapped],
      '--tlb': [mapped, lazily, { ...mapped, ts: 52_000 }],
      '--flush-queue': [mapped, lazily, late],
    };
    // What else there is leaves nothing mapped, and unmaps strictly.
    const calm = Array.from({ length: 200 }, (_, i) => {
      const range = { domain: 'a', iova: hex((i >> 1) * K4), size: K4 };
      return i % 2 === 0 ? { op: 'map', ...range, paddr: '0x0', ts: 100 * i } : { op: 'unmap', ...range, ts: 100 * i };
    });
    const path = trace(`planted${option}.ndjson`, [{ op: 'domain', id: 'a' }, ...calm, ...planted[option]]);
    const keep = ['--keep', `finding:${rule}`, option];
    expect((await reduce(path, ...keep, hides)).code).toBe(1);
    const found = await reduce(path, ...keep, shows);
    expect(found.code, found.stderr).toBe(0);
    expect(found.events.length).toBeLessThanOrEqual(5);
    const small = trace(`small${option}.ndjson`, found.events);
    expect((await runCli(['check', small, '--rule', rule, '--fail-on', 'note', option, shows])).code).toBe(1);
  });

  it('is told when the trace does not show it, with what it shows', async () => {
    const { code, stderr, events: none } = await reduce(trace('not.ndjson', events), '--keep', 'finding:steal');
    expect(code).toBe(1);
    expect(none).toEqual([]);
    expect(stderr).toContain('does not show finding:steal; it shows finding:expectation');
  });
});

describe('a command that decides', () => {
  const events = [
    ...noise(120, ['d']).map((event) => ({ ...event, domain: undefined })),
    { op: 'walk', iova: '0x1234000' },
  ];

  it.each([
    ['with {}', 'grep -q \'"walk"\' {}'],
    ['with $1', 'grep -q \'"walk"\' "$1"'],
    ['with the file as its last argument', 'grep -q \'"walk"\''],
  ])('is asked about files, %s', async (_name, command) => {
    const temporary = readdirSync(tmpdir()).filter((name) => name.startsWith('pgtrace-reduce-')).length;
    const found = await reduce(trace('command.ndjson', events), '--keep-if', command);
    expect(found.code).toBe(0);
    expect(found.events.slice(1)).toEqual([{ op: 'walk', iova: '0x1234000' }]);
    expect(replays(found)).toBeLessThan(40);
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith('pgtrace-reduce-')).length).toBe(temporary);
  });

  it('is told of when it does not exist', async () => {
    const { code, stderr } = await reduce(trace('command.ndjson', events), '--keep-if', 'no-such-command-here');
    expect(code).toBe(4);
    expect(stderr).toContain('does not know the command');
  });

  it('leaves nothing behind, and the best so far in the output, when interrupted', async () => {
    const path = trace('interrupted.ndjson', events);
    const output = join(folder, 'best.ndjson');
    const temporary = readdirSync(tmpdir()).filter((name) => name.startsWith('pgtrace-reduce-')).length;
    const io = new FakeIo();
    const tried = join(folder, 'tried');
    const command = `echo x >> ${tried}; sleep 0.05; grep -q '"walk"' {}`;
    const running = run(['reduce', path, '--keep-if', command, '-o', output], io);
    // By then some parts have been left out, and not all that can be.
    const poll = setInterval(() => {
      if (existsSync(tried) && readFileSync(tried, 'utf8').length >= 16) io.emit('SIGINT');
    }, 10);
    expect(await running).toBe(130);
    clearInterval(poll);
    const lines = readFileSync(output, 'utf8').trim().split('\n');
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.length).toBeLessThan(121);
    expect(lines.some((line) => line.includes('"walk"'))).toBe(true);
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith('pgtrace-reduce-')).length).toBe(temporary);
  });
});

describe('limits and refusals', () => {
  it('stops after the replays that it may make, and says so', async () => {
    const path = trace(
      'limit.ndjson',
      noise(2000, ['d']).map((event) => ({ ...event, domain: undefined })),
    );
    const found = await reduce(path, '--keep', 'counter:errors.EEXIST>=40', '--max-replays', '12');
    expect(found.code).toBe(0);
    expect(replays(found)).toBe(12);
    expect(found.stderr).toContain('stopped after 12 replays, there may be a smaller one; --max-replays allows more');
    expect(found.events.length).toBeLessThan(2001);
  });

  it('writes the same bytes each time', async () => {
    const path = trace(
      'same.ndjson',
      noise(400, ['d']).map((event) => ({ ...event, domain: undefined })),
    );
    const args = ['reduce', path, '--keep', 'counter:errors.EEXIST>1'];
    expect(await runCli(args)).toEqual(await runCli(args));
  });

  it.each([
    [[], 'takes what is to be kept'],
    [['--keep', 'finding:stael'], 'did you mean steal?'],
    [['--keep', 'finding:'], 'is no finding'],
    [['--keep', 'steal'], 'is no condition'],
    [['--keep', 'exit:no'], 'takes an exit code'],
    [['--keep', 'counter:nosuch>0'], 'is no counter'],
    [['--keep', 'counter:errors.EEXIST'], 'takes NAME>N'],
    [['--keep', 'exit:1', '--keep-if', 'true'], 'exclude each other'],
    [['--keep', 'exit:1', '--max-replays', '0'], '--max-replays takes a number'],
    [['--keep', 'exit:1', '--allocator', 'all'], 'one --allocator'],
  ])('refuses %j', async (args, why) => {
    const { code, stderr } = await reduce(trace('refused.ndjson', [{ op: 'walk', iova: '0x0' }]), ...args);
    expect(code).toBe(2);
    expect(stderr).toContain(why);
  });

  it('imports a recording first, and does not write over its input', async () => {
    const path = join(folder, 'recording.txt');
    const line = (time: string, event: string): string => `  app-1 [000] ..... ${time}: ${event}\n`;
    writeFileSync(
      path,
      [
        line('1.000001', 'map: IOMMU: iova=0x0000000000001000 - 0x0000000000002000 paddr=0x0000000000010000 size=4096'),
        line('1.000002', 'map: IOMMU: iova=0x0000000000003000 - 0x0000000000004000 paddr=0x0000000000020000 size=4096'),
        line('1.000003', 'unmap: IOMMU: iova=0x0000000000003000 - 0x0000000000004000 size=4096 unmapped_size=4096'),
      ].join(''),
    );
    const found = await reduce(path, '--keep', 'counter:ops.unmap>0');
    expect(found.code).toBe(0);
    expect(found.events.at(-1)?.['op']).toBe('unmap');
    expect((await reduce(path, '--keep', 'exit:0', '-o', path)).code).toBe(2);
    expect(existsSync(path)).toBe(true);
  });
});
