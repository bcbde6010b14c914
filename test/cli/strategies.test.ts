import { describe, expect, it } from 'vitest';
import { ALLOCATORS } from '../../src/allocator/registry.ts';
import { METRICS } from '../../src/stats/metrics/metrics.ts';
import { domain, map, ndjson, type Statistics, statsOf, unmap } from './events.ts';
import { runCli } from './fake-io.ts';

const TRACES = new URL('../../traces/', import.meta.url).pathname;
const LESSON = `${TRACES}over-reservation.ndjson`;
const STEAL = `${TRACES}steal.ndjson`;
const NAMES = ALLOCATORS.map(({ name }) => name);
const GREEN = '\u001b[32m';
const RED = '\u001b[31m';

/** The rows of the comparison, and its headings, as cells. */
function tableOf(stdout: string): { readonly titles: string[]; readonly rows: string[][] } {
  const lines = stdout.split('\n');
  const from = lines.findIndex((line) => line.startsWith('allocator '));
  const to = lines.findIndex((line) => line.startsWith('* best'));
  const cells = (line: string): string[] => line.split(/ {2,}/);
  return { titles: cells(lines[from]), rows: lines.slice(from + 1, to).map(cells) };
}

describe('replay --allocator all', () => {
  it('has one row for each strategy, in the order of the registry', async () => {
    const { code, stdout } = await runCli(['replay', LESSON, '--allocator', 'all']);
    expect(code).toBe(0);
    expect(tableOf(stdout).rows.map(([name]) => name)).toEqual(NAMES);
    expect(stdout).toContain('kernel 7.1, 9 allocators, flush none');
    expect(stdout).not.toContain('entry maps');
  });

  it('marks the best and the worst of each column, and leaves out those that are all zero', async () => {
    const { titles, rows } = tableOf((await runCli(['replay', LESSON, '--allocator', 'all'])).stdout);
    expect(titles.slice(0, 6)).toEqual(['allocator', 'in run', 'reserved', 'waste', 'idle peak', 'peak memory']);
    expect(titles).not.toContain('broken');
    const row = (name: string): string[] => rows.find(([first]) => first === name)?.slice(1, 6) ?? [];
    // Three tables one by one; a start page and three tables.
    expect(row('kernel')).toEqual(['3!', '-', '-', '-', '16.0 KiB*']);
    // 3 + 3 + 3 + 1 pages promised at once to four jobs of which one needs tables.
    expect(row('reserve')).toEqual(['0*', '10!', '70.0 %!', '10!', '44.0 KiB']);
    expect(row('bulk-exact')).toEqual(['1', '3*', '0.0 %*', '3*', '16.0 KiB*']);
    expect(row('bulk')).toEqual(['1', '-', '-', '-', '132.0 KiB!']);
  });

  it('says in words what the table means', async () => {
    const words = (await runCli(['replay', LESSON, '--allocator', 'all'])).stdout;
    expect(words).toMatch(/reserve reserved 10 pages to use 3 \(70\.0 % waste/);
    // The start table and ten pages, whoever counts them.
    expect(words).toMatch(
      /^Had every page before the operation ran: reserve, reserve-counted \(each 44\.0 KiB at most\)\.$/m,
    );
    expect(words).toMatch(
      /^Ask for pages while operations run: kernel \(3\), pool \(3\), bulk \(1\), bulk-exact \(1\), /m,
    );
    expect(words).toMatch(/^shared-pool came through by luck/m);
    expect(words).toMatch(/^ok: no kernel warnings; no findings$/m);
    const stolen = await runCli(['replay', STEAL, '--allocator', 'all']);
    expect(stolen.stdout).toMatch(/^shared-pool did not hold: 1 steal, 1 operation without pages\.$/m);
    // The thief as well as the robbed.
    expect(stolen.stdout).toMatch(
      /^shared-pool: VIOLATION\(steal\) {2}line 4, .*; event 4 \(line 5, 4K at 0x8000000000\) took/m,
    );
    expect(stolen.stdout).toContain('1 broken promise (exit 1 under --strict)');
    expect(stolen.stdout.match(/VIOLATION/g)?.length).toBe(1);
    expect(tableOf(stolen.stdout).titles).toContain('broken');
    expect([stolen.code, (await runCli(['replay', STEAL, '--allocator', 'all', '--strict'])).code]).toEqual([0, 1]);
  });

  it('takes spare columns out for a narrow terminal', async () => {
    const at = async (columns: number): Promise<string[]> =>
      tableOf((await runCli(['replay', LESSON, '--allocator', 'all'], { terminal: { columns, colors: false } })).stdout)
        .titles;
    const wide = await at(140);
    const narrow = await at(78);
    expect(wide).toEqual(expect.arrayContaining(['pages', 'zeroed', 'in run', 'peak memory']));
    expect(narrow).not.toContain('zeroed');
    expect(narrow).toEqual(expect.arrayContaining(['in run', 'peak memory']));
  });

  it('colours the marks without shifting a column', async () => {
    const args = ['replay', STEAL, '--allocator', 'all'];
    const plain = (await runCli(args)).stdout;
    const { stdout } = await runCli([...args, '--color', 'always']);
    expect(stdout).toContain(`${GREEN}0*`);
    expect(stdout).toContain(`${RED}6!`);
    const wasteful = await runCli(['replay', LESSON, '--allocator', 'all', '--color', 'always']);
    expect(wasteful.stdout).toContain(`${RED}70.0 %!`);
    expect(wasteful.stdout).toContain(`${GREEN}0.0 %*`);
    const uncoloured = stdout.replace(new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g'), '');
    expect(uncoloured.replace(/ +$/gm, '')).toBe(plain);
  });

  it('reads standard input once for nine strategies', async () => {
    let begun = 0;
    let chunks = 0;
    const text = Buffer.from(ndjson([domain(), map(0, 4096), unmap(0, 4096)]));
    const stdin = {
      *[Symbol.iterator]() {
        begun++;
        for (let at = 0; at < text.length; at += 64) {
          chunks++;
          yield text.subarray(at, at + 64);
        }
      },
    };
    const { code, stdout } = await runCli(['replay', '-', '--allocator', 'all', '--json'], { stdin });
    expect(code).toBe(0);
    expect([begun, chunks]).toEqual([1, Math.ceil(text.length / 64)]);
    const { strategies } = JSON.parse(stdout) as Statistics;
    expect(strategies?.map(({ counters }) => [counters['ops.map'], counters['ops.unmap']])).toEqual(
      NAMES.map(() => [1, 1]),
    );
  });

  it('names the first thing that is wrong, also when it was held back', async () => {
    const job = { op: 'bind', job: 1, mode: 'async', ops: [{ kind: 'unmap', iova: '0x0', size: 4096 }] };
    const elsewhere = { ...map(0, 4096), domain: 'nowhere' };
    const { code, stderr } = await runCli(['replay', '-'], { stdin: `${ndjson([domain(), job, elsewhere])}{"op"\n` });
    expect(code).toBe(3);
    expect(stderr).toContain(':3:1: no domain "nowhere"');
  });

  it('tells an event that all refuse once, and counts it once', async () => {
    const stdin = `${ndjson([domain(), map(0, 4096)])}{"op":"exec","job":1}\n`;
    const strict = await runCli(['replay', '-', '--allocator', 'all'], { stdin });
    expect(strict.code).toBe(3);
    expect(strict.stderr.trimEnd().split('\n').length).toBe(1);
    const lenient = await runCli(['replay', '-', '--allocator', 'all', '--lenient'], { stdin });
    expect(lenient.code).toBe(0);
    expect(lenient.stdout).toContain('1 line skipped');
  });
});

describe('replay --json with several allocators', () => {
  const ARGS = ['--allocator', 'reserve', '--allocator', 'bulk,k=8', '--allocator', 'kernel'];

  it('puts the first at the top and all of them in `strategies`', async () => {
    const { document } = await statsOf(LESSON, ...ARGS);
    expect(document.strategies?.map(({ allocator }) => allocator)).toEqual(['reserve', 'bulk,k=8', 'kernel']);
    expect(document.strategies?.[0]).toMatchObject({
      counters: document.counters,
      domains: document.domains,
      findings: document.findings,
    });
    expect(document.counters).toMatchObject({ 'op.reserved': 10, 'op.used': 3, 'op.returned': 7, 'op.unusedPeak': 10 });
    expect(document.strategies?.[1].counters).toMatchObject({ 'alloc.calls': 1, 'alloc.pages': 8 });
  });

  it('gives each what it gets alone', async () => {
    const { strategies } = (await statsOf(STEAL, '--allocator', 'all')).document;
    for (const [i, name] of NAMES.entries()) {
      const alone = await statsOf(STEAL, '--allocator', name);
      expect(alone.document).not.toHaveProperty('strategies');
      expect(strategies?.[i].counters).toEqual(alone.counters);
    }
  });

  it('declares every counter and gives the same bytes again', async () => {
    const args = ['replay', '--json', STEAL, '--allocator', 'all', '--reserve-around', 'areas', '--no-zero'];
    const { stdout } = await runCli(args);
    expect((await runCli(args)).stdout).toBe(stdout);
    const { strategies } = JSON.parse(stdout) as Statistics;
    const declared = (key: string): boolean =>
      METRICS.some((metric) => (metric.key.endsWith('.') ? key.startsWith(metric.key) : key === metric.key));
    const keys = strategies?.flatMap(({ counters }) => Object.keys(counters)) ?? [];
    expect(keys).toEqual(expect.arrayContaining(['alloc.callsInRun', 'op.wasteBasisPoints', 'reservations.made']));
    expect(keys.filter((key) => !declared(key))).toEqual([]);
  });
});

describe('wrong uses', () => {
  it.each([
    [['--allocator', 'lucky'], /--allocator "lucky" is not known; there is kernel, pool, .*mempool, or all$/],
    [['--allocator', 'pool,size=1'], /pool has no parameter "size"; it takes min=0\.\.1000000, max=0\.\.1000000$/],
    [['--allocator', 'kernel,max=1'], /kernel has no parameter "max"; it takes none$/],
    [['--allocator', 'bulk,k=0'], /bulk,k= takes an integer in 1\.\.1000000; found "0"$/],
    [['--allocator', 'reserve,formula=best'], /takes tree-empty or panthor or msm or exact; found "best"$/],
    [['--allocator', 'bulk,k=2,k=3'], /bulk has k= twice$/],
    [['--allocator', 'pool', '--allocator', 'pool'], /--allocator pool is given twice$/],
    [['--allocator', 'all', '--allocator', 'kernel'], /--allocator kernel is given twice: all includes it$/],
    [['--driver', 'xe', '--driver', 'xe'], /--driver xe is given twice$/],
    [['--driver', 'all', '--driver', 'xe'], /--driver xe is given twice: all includes it$/],
    [['--driver', 'all', '--driver', 'all'], /--driver all is given twice$/],
    [['--allocator', 'all', '--results', '-'], /--results tells .* takes one --allocator at a time$/],
    [['--queue-depth', '-1'], /--queue-depth takes a number of operations, 0 to 10000000$/],
    [['--queue-depth', '1e3'], /--queue-depth takes a number/],
    [['--exec-latency', '5h'], /--exec-latency "5h" is no latency; such as 16 \(operations\), 500ns, 20us, 3ms or 1s$/],
    [['--cleanup-latency', '1.5us'], /--cleanup-latency "1\.5us" is no latency/],
    [['--rcu-latency', ''], /--rcu-latency "" is no latency/],
    [['--reserve-around', 'maps'], /Allowed choices are areas/],
    [['--rcu', 'never'], /Allowed choices are none, page, list, gather/],
  ])('are told with what would be right: %j', async (args, message) => {
    const { code, stdout, stderr } = await runCli(['replay', LESSON, ...args]);
    expect(stderr.split('\n')[0]).toMatch(message);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  it('include several allocators for a dump', async () => {
    const { code, stderr } = await runCli(['dump', LESSON, '--allocator', 'all']);
    expect([code, stderr]).toEqual([2, 'pgtrace: dump shows the tables of one replay; give one --allocator\n']);
  });

  it('include a latency in time for a trace without times', async () => {
    const stdin = ndjson([domain(), map(0, 4096)]);
    const { code, stderr } = await runCli(['replay', '-', '--exec-latency', '5us'], { stdin });
    expect(code).toBe(3);
    expect(stderr).toMatch(/^pgtrace: <stdin>:2:1: this event has no "ts".*give it in operations\n$/);
    expect((await runCli(['replay', '-', '--exec-latency', '5'], { stdin })).code).toBe(0);
  });
});

describe('pgtrace allocators', () => {
  it('lists what --allocator takes', async () => {
    const { code, stdout } = await runCli(['allocators']);
    expect(code).toBe(0);
    for (const name of NAMES) expect(stdout).toMatch(new RegExp(`^ *${name}\\b`, 'm'));
    for (const { parameters } of ALLOCATORS)
      for (const { name, help } of parameters) {
        expect(stdout).toMatch(new RegExp(`\\b${name}=`));
        expect(stdout.replaceAll(/\s+/g, ' ')).toContain(help);
      }
    expect(stdout).toMatch(/tree-empty, panthor, msm, exact$/m);
    expect(stdout).toContain('--allocator NAME[,k=v]');
  });

  it.each(['allocators', 'flushes'])('%s fits the terminal, 80 columns where there is none', async (command) => {
    const widest = (text: string): number => Math.max(...text.split('\n').map(({ length }) => length));
    const plain = await runCli([command]);
    expect(widest(plain.stdout)).toBeLessThanOrEqual(80);
    const wide = await runCli([command], { terminal: { columns: 140, colors: false } });
    expect(widest(wide.stdout)).toBeGreaterThan(80);
    expect(widest(wide.stdout)).toBeLessThanOrEqual(140);
    const words = (text: string): string[] => text.split(/\s+/);
    expect(words(plain.stdout)).toEqual(words(wide.stdout));
  });

  it('lists it for programs too', async () => {
    const { code, stdout } = await runCli(['allocators', '--json']);
    expect(code).toBe(0);
    const list = JSON.parse(stdout) as { name: string; help: string; parameters: object[] }[];
    expect(list.map(({ name }) => name)).toEqual(NAMES);
    expect(list.every(({ help }) => help !== '')).toBe(true);
    expect(list.find(({ name }) => name === 'bulk')?.parameters).toEqual([
      { name: 'k', values: '1..1000000', default: '32', help: 'pages per call' },
    ]);
  });
});
