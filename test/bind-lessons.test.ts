/** The lessons about VM_BIND say what they show. */
import { describe, expect, it } from 'vitest';
import { statsOf } from './cli/events.ts';
import { runCli } from './cli/fake-io.ts';

const TRACES = new URL('../traces/', import.meta.url).pathname;

async function lines(name: string, ...args: string[]): Promise<readonly Record<string, unknown>[]> {
  const { stdout } = await runCli(['replay', `${TRACES}${name}.ndjson`, '--results', '-', ...args]);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

async function counters(name: string, ...args: string[]): Promise<Readonly<Record<string, number>>> {
  return (await statsOf(`${TRACES}${name}.ndjson`, ...args)).counters;
}

describe('lessons about VM_BIND', () => {
  it('over-reservation: 512 small binds reserve 1,536 pages to use 3', async () => {
    const name = 'bind-over-reservation';
    const panthor = await counters(name);
    expect(panthor).toMatchObject({ 'op.reserved': 1536, 'op.used': 3, 'op.returned': 1533, 'op.unusedPeak': 1536 });
    expect(panthor).toMatchObject({ 'bind.need.each': 1536, 'bind.need.merged': 3, 'bind.need.sorted': 3 });
    expect(await counters(name, '--driver', 'msm')).toMatchObject({ 'op.reserved': 3, 'op.used': 3 });
    expect(await counters(name, '--driver', 'xe')).toMatchObject({ 'op.reserved': 3, 'op.used': 3 });
  });

  it('needless widening: one page costs a table, 511 pages and a wider lock', async () => {
    const name = 'bind-needless-widening';
    const unmap = (await lines(name)).filter(({ op }) => op === 'bind')[1];
    expect(unmap).toMatchObject({ reserved: 1, used: 1, tableFrees: 1, mapCalls: 3, unmapCalls: 1, asLocks: 2 });
    expect(unmap['lockaddr']).toEqual(['0x10020000e', '0x100200014']);
    expect(await counters(name)).toMatchObject({ 'bind.widened': 1, 'bind.widenedNeedlessly': 1 });
    const old = (await lines(name, '--kernel', '6.12')).filter(({ op }) => op === 'bind')[1];
    expect(old).toMatchObject({ used: 0, tableFrees: 0, mapCalls: 0, unmapCalls: 1, asLocks: 1, asFlushPts: 1 });
  });

  it('overtaking: a queued unmap removes what was mapped after it', async () => {
    const name = 'bind-overtaking';
    const { code, document } = await statsOf(`${TRACES}${name}.ndjson`);
    expect(code).toBe(1);
    expect(document.findings).toMatchObject([{ kind: 'overtaken', line: 7 }]);
    expect(document.counters).toMatchObject({ 'leaves.live.l3': 0, 'bind.overtakes': 1, 'bind.overtakesMet': 1 });
    for (const driver of ['msm', 'nouveau', 'xe', 'pvr']) {
      const other = await statsOf(`${TRACES}${name}.ndjson`, '--driver', driver);
      expect([driver, other.code, other.counters['mapped.live']]).toEqual([driver, 0, 65536]);
    }
  });

  it('throttle: the fourth job sleeps until the first is cleaned up', async () => {
    const name = 'bind-msm-throttle';
    const binds = (await lines(name)).filter(({ op }) => op === 'bind');
    expect(binds.map(({ blocked, inFlight }) => [blocked, inFlight])).toEqual([
      [false, 378],
      [false, 756],
      [false, 1134],
      [true, 1134],
    ]);
    expect(await counters(name)).toMatchObject({
      'bind.blocked': 1,
      'bind.need.each': 1536,
      'bind.need.merged': 1512,
      'bind.need.sorted': 24,
    });
    expect(await counters(name, '--driver', 'panthor')).not.toHaveProperty('bind.blocked');
  });

  it('pvr: success is reported for a map of which nothing stands', async () => {
    const name = 'bind-pvr-offset';
    const { code, document } = await statsOf(`${TRACES}${name}.ndjson`);
    expect(code).toBe(1);
    expect(document.findings).toMatchObject([{ kind: 'false-success', line: 4 }]);
    const binds = (await lines(name)).filter(({ op }) => op === 'bind');
    expect(binds[0]).toMatchObject({ ret: 0, reservedL0: 1, neededL0: 2, mappedPages: 0, liveL0: 0 });
    expect(binds[1]).toMatchObject({ ret: 0, reservedL0: 2, neededL0: 1, mappedPages: 256, liveL0: 1 });
  });
});
