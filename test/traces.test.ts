import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { linesOf, statsOf } from './cli/events.ts';
import { runCli } from './cli/fake-io.ts';

const TRACES = new URL('../traces/', import.meta.url).pathname;
const names = readdirSync(TRACES).filter((name) => /\.(ndjson|txt)(\.gz)?$/.test(name));

/** Traces whose point is a finding. */
const FOUND = new Set(['bind-overtaking.ndjson', 'bind-pvr-offset.ndjson', 'window-map-error.ndjson']);

async function replay(name: string, ...args: string[]): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await runCli(['replay', `${TRACES}${name}`, ...args]);
  return { code, text: (stdout + stderr).replaceAll(TRACES, 'traces/') };
}

describe('every trace that ships', () => {
  it('is here', () => {
    expect(names.filter((name) => name.endsWith('.ndjson')).length).toBeGreaterThanOrEqual(6);
    expect(names.filter((name) => name.endsWith('.txt.gz')).length).toBeGreaterThanOrEqual(2);
  });

  it.each(names)('%s replays to its golden text', async (name) => {
    const { code, text } = await replay(name);
    await expect(text).toMatchFileSnapshot(`golden/traces/${name}.replay.txt`);
    expect(code).toBe(FOUND.has(name) ? 1 : 0);
  });

  it.each(names.filter((name) => name.endsWith('.ndjson')))('%s gives its golden result lines', async (name) => {
    const { text } = await replay(name, '--results', '-', '--events', '--flush', 'smmuv3');
    // The 512 pages of a whole table would fill screens: runs of ADD_PAGE beyond the third are folded.
    const folded = text.replace(
      /(?:(\["ADD_PAGE","0x[0-9a-f]+",\d+\],){3})(?:\["ADD_PAGE","0x[0-9a-f]+",\d+\],)+/g,
      (run) => {
        const pages = run.split('],').length - 1;
        return `${run.split('],').slice(0, 3).join('],')}],<${pages - 3} more>,`;
      },
    );
    await expect(folded).toMatchFileSnapshot(`golden/traces/${name}.results.txt`);
  });

  it.each(names.filter((name) => name.endsWith('.ndjson')))('%s leaves its golden page tables', async (name) => {
    const { stdout } = await runCli(['dump', `${TRACES}${name}`, '--view', 'ranges']);
    await expect(stdout).toMatchFileSnapshot(`golden/traces/${name}.ranges.txt`);
  });
});

describe('lessons say what they show', () => {
  it('on both kernels: a part of a block', async () => {
    const lesson = 'partial-unmap-7.1.ndjson';
    expect((await replay(lesson)).text).toContain('1 partial-unmap');
    const other = await replay(lesson, '--kernel', '6.12');
    // Under the other kernel the lesson's own expectation fails, which is its point.
    expect(other.code).toBe(1);
    expect(other.text).toContain('expectation  line 5');
    expect((await replay('partial-unmap-6.12.ndjson', '--partial-unmap', 'refuse')).code).toBe(1);
  });

  it('over-reservation: ten pages idle for three that are needed', async () => {
    const lesson = `${TRACES}over-reservation.ndjson`;
    const { counters } = await statsOf(lesson);
    expect(counters).toMatchObject({ 'op.reserved': 10, 'op.used': 3, 'op.returned': 7, 'op.unusedPeak': 10 });
    // The start table and ten pages are held at once, three of them become tables.
    expect(counters).toMatchObject({ 'alloc.heldPeak': 11 * 4096, 'tables.allocated': 4, 'alloc.callsInRun': 0 });
    const lines = await linesOf(eventsOf(lesson));
    const of = (op: string): unknown[] => lines.filter((line) => line['op'] === op);
    expect(of('bind')).toMatchObject([{ reserved: 3 }, { reserved: 3 }, { reserved: 3 }, { reserved: 1 }]);
    expect(of('exec')).toMatchObject([{ used: 3 }, { used: 0 }, { used: 0 }, { used: 0 }]);
    expect(of('cleanup')).toMatchObject([{ returned: 0 }, { returned: 3 }, { returned: 3 }, { returned: 1 }]);
    // Without a reservation nothing is idle, but the pages are asked for when it is too late.
    const kernel = (await statsOf(lesson, '--allocator', 'kernel')).counters;
    expect(kernel).toMatchObject({ 'alloc.callsInRun': 3, 'alloc.heldPeak': 4 * 4096 });
    expect(kernel).not.toHaveProperty('op.reserved');
  });

  it('steal: a job that was promised three pages fails', async () => {
    const lesson = `${TRACES}steal.ndjson`;
    const { code, document } = await statsOf(lesson);
    expect(code).toBe(0);
    expect(document.findings).toMatchObject([{ kind: 'steal', line: 4 }]);
    expect((await linesOf(eventsOf(lesson))).find(({ op }) => op === 'exec')).toMatchObject({ job: 'A', ret: -12 });
    const strict = await replay('steal.ndjson', '--strict');
    expect(strict.code).toBe(1);
    expect(strict.text).toContain('VIOLATION(steal)  line 4, event 3, domain vm0, 0x0 + 4K: 3 of 3 reserved pages');
    const own = await statsOf(lesson, '--allocator', 'reserve', '--strict');
    expect([own.code, own.document.findings, own.counters['errors.ENOMEM']]).toEqual([0, [], undefined]);
    expect(own.counters).toMatchObject({ 'op.reserved': 6, 'op.used': 6, 'op.returned': 0 });
  });

  it('parked-table: no allocation inside, where the kernel frees a table and makes it again', async () => {
    const lesson = `${TRACES}parked-table.ndjson`;
    const { counters } = await statsOf(lesson);
    expect(counters).toMatchObject({
      'reservations.allocsInReserved': 0,
      'reservations.parks': 1,
      'reservations.unparks': 1,
      'tables.live': 1,
    });
    const tables = async (events: readonly { readonly op: string }[]): Promise<unknown[]> =>
      (await linesOf(events))
        .filter(({ op }) => op === 'map' || op === 'unmap')
        .map(({ op, allocs, frees }) => [op, allocs, frees]);
    const events = eventsOf(lesson);
    expect(await tables(events)).toEqual([
      ['map', 0, 0],
      ['unmap', 0, 0],
      ['map', 0, 0],
      ['unmap', 0, 0],
      ['map', 0, 0],
    ]);
    // Stock: the page makes L1, L2 and L3, the block frees the L3, the page after it makes one more.
    expect(await tables(events.filter(({ op }) => op !== 'reserve' && op !== 'release'))).toEqual([
      ['map', 3, 0],
      ['unmap', 0, 0],
      ['map', 0, 1],
      ['unmap', 0, 0],
      ['map', 1, 0],
    ]);
  });

  it('long-rcu-reader: three tables wait until the reader has ended', async () => {
    const lesson = `${TRACES}long-rcu-reader.ndjson`;
    const { counters } = await statsOf(lesson);
    expect(counters).toMatchObject({ 'rcu.deferredPeak': 3, 'rcu.deferred': 0, 'rcu.latencyMax': 2, 'rcu.frees': 6 });
    // The old three and the new three are held at once, beside the start table.
    expect(counters['alloc.heldPeak']).toBe(7 * 4096);
    expect((await statsOf(eventsOf(lesson).slice(0, 8))).counters).toMatchObject({ 'rcu.deferred': 3, 'rcu.frees': 0 });
    expect((await statsOf(lesson, '--strict')).code).toBe(0);
    const none = await replay('long-rcu-reader.ndjson', '--rcu', 'none');
    expect(none.code).toBe(0);
    expect(none.text).toContain('VIOLATION(use-after-free)  line 7');
    expect((await statsOf(lesson, '--rcu', 'none', '--strict')).code).toBe(1);
    // The reader's tables went and were used again: less memory at the price of a walk through it.
    expect((await statsOf(lesson, '--rcu', 'none')).counters['alloc.heldPeak']).toBe(4 * 4096);
  });
});

function eventsOf(path: string): { readonly op: string }[] {
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}
