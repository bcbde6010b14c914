import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runCli } from '../cli/fake-io.ts';

const TRACES = new URL('../../traces/', import.meta.url).pathname;
const ROOT = new URL('../../', import.meta.url).pathname;

interface Event {
  readonly line: number;
  readonly op: string;
}

interface Finding {
  readonly kind: string;
  readonly level: string;
  readonly line: number;
  readonly message: string;
  readonly range?: { readonly iova: string; readonly size: number };
  readonly window?: { readonly from: number; readonly to: number };
  readonly events?: readonly Event[];
}

interface Document {
  readonly failed: boolean;
  readonly traces: readonly { readonly findings: readonly Finding[]; readonly counts: Record<string, object> }[];
}

async function check(name: string, ...args: string[]): Promise<{ code: number; findings: readonly Finding[] }> {
  const { code, stdout, stderr } = await runCli(['check', `${TRACES}${name}`, '--json', ...args]);
  expect(stderr).toBe('');
  const document = JSON.parse(stdout) as Document;
  expect(document.failed).toBe(code === 1);
  return { code, findings: document.traces[0].findings };
}

/** Rule, level and lines of the events of each finding. */
function brief(findings: readonly Finding[]): string[] {
  return findings.map(({ kind, level, line, events = [] }) => {
    const lines = events.length === 0 ? [line] : events.map((event) => event.line);
    return `${level} ${kind} ${lines}`;
  });
}

const LESSONS = readdirSync(TRACES).filter((name) => name.startsWith('check-') && name.endsWith('.ndjson'));

describe('lessons of the check', () => {
  it('are here', () => {
    expect(LESSONS.length).toBeGreaterThanOrEqual(10);
  });

  it.each(LESSONS)('%s gives its golden verdict', async (name) => {
    const { stdout, stderr } = await runCli(['check', `${TRACES}${name}`]);
    await expect((stdout + stderr).replaceAll(ROOT, '')).toMatchFileSnapshot(`../golden/traces/${name}.check.txt`);
  });

  it('map [A,B) while unmapping [C,B): a conflict', async () => {
    const { code, findings } = await check('check-map-during-unmap.ndjson');
    expect(code).toBe(1);
    expect(findings[0]).toMatchObject({
      kind: 'lock-conflict',
      level: 'error',
      range: { iova: '0x104000', size: 49152 },
      window: { from: 2000, to: 3000 },
      events: [
        { line: 4, op: 'unmap', thread: 'cpu1', ts: 1000, end: 3000 },
        { line: 5, op: 'map', thread: 'cpu0', ts: 2000, end: 4000 },
      ],
    });
  });

  it('map [A,B) while iova_to_phys(A): a conflict', async () => {
    const { code, findings } = await check('check-map-during-look-up.ndjson');
    expect(code).toBe(1);
    expect(brief(findings)).toEqual(['error lock-conflict 3,4', 'note leak 3']);
    expect(findings[0].range).toEqual({ iova: '0x100000', size: 4096 });
  });

  it('map [A,B) beside unmap [B,C): fine', async () => {
    expect(await check('check-neighbours.ndjson')).toEqual({ code: 0, findings: [] });
  });

  it('two look-ups of one address: fine for readers and writers, none exempt in the plain sentence', async () => {
    expect((await check('check-two-look-ups.ndjson')).code).toBe(0);
    const literal = await check('check-two-look-ups.ndjson', '--lock', 'literal');
    expect([literal.code, brief(literal.findings)]).toEqual([1, ['error lock-conflict 4,5']]);
  });

  it('three tables that two maps race for: notes', async () => {
    const { code, findings } = await check('check-install-race.ndjson');
    expect(code).toBe(0);
    expect(findings.map(({ message }) => message.replace(/.*race for the /, ''))).toEqual([
      'level-1 table of 0x0 + 512G: 2 alloc, 1 free',
      'level-2 table of 0x0 + 1G: 2 alloc, 1 free',
      'level-3 table of 0x0 + 2M: 2 alloc, 1 free',
    ]);
    expect((await check('check-install-race.ndjson', '--fail-on', 'note')).code).toBe(1);
  });

  it('two who clear dirty bits at once: a race', async () => {
    expect(brief((await check('check-dirty-race.ndjson')).findings)).toEqual(['error dirty-race 5,6']);
  });

  it('an IOVA that comes back before the flush queue is flushed', async () => {
    const name = 'check-reuse-before-flush.ndjson';
    const { code, findings } = await check(name);
    expect(code).toBe(1);
    expect(brief(findings)).toEqual(['error reuse-before-flush 4,6', 'error use-after-unmap 4,5']);
    expect(findings[0].window).toEqual({ from: 2_001_000, to: 4_000_000 });
    // The queue of a single ring waits a second: the map at 12 ms is too early, too.
    const single = await check(name, '--flush-queue', 'single');
    expect(brief(single.findings)).toEqual([
      'error reuse-before-flush 4,6',
      'error reuse-before-flush 4,7',
      'error use-after-unmap 4,5',
    ]);
    // Nothing was used before the unmap, so that a TLB holds nothing.
    expect((await check(name, '--tlb', 'touched')).findings).toEqual([]);
  });

  it('single operations that are wrong', async () => {
    const { findings } = await check('check-double-unmap.ndjson');
    expect(brief(findings)).toEqual([
      'error double-unmap 4,5',
      'error map-over-live 3,7',
      'error map-over-live 3,8',
      'warning unmap-of-nothing 6',
      'warning look-up-alias 9',
      'warning leak 8,10',
    ]);
    const none = await check('check-double-unmap.ndjson', '--leaks', 'none', '--rule', 'leak,look-up-alias');
    expect([none.code, brief(none.findings)]).toEqual([0, ['warning look-up-alias 9']]);
  });

  it('queues without times: what no fence orders may run at once', async () => {
    const { findings } = await check('check-queues.ndjson');
    expect(brief(findings)).toEqual(['error lock-conflict 4,6', 'error lock-conflict 4,8']);
    expect(findings[0].message).toContain('may run at the same time');
    expect(findings[0].window).toBeUndefined();
  });

  it('a partial unmap that splits touches the whole block; one that is refused its own range', async () => {
    const split = await check('check-partial-unmap.ndjson');
    expect(brief(split.findings)).toEqual(['error lock-conflict 4,5', 'warning partial-unmap 4', 'note leak 3']);
    const refused = await check('check-partial-unmap.ndjson', '--kernel', '7.1');
    expect(brief(refused.findings)).toEqual(['error partial-unmap 4', 'note leak 3']);
    expect(refused.findings[0].message).toContain('is refused');
    const whole = await check('check-partial-unmap.ndjson', '--partial-unmap', 'whole');
    expect(brief(whole.findings)).toEqual(['error lock-conflict 4,5', 'warning partial-unmap 4']);
    expect(whole.findings[1].message).toContain('removes all of it');
  });
});

describe('real recordings', () => {
  const RECORDINGS = ['smmuv3-boot-6.1.txt.gz', 'smmuv3-kprobe-6.1.txt.gz', 'smmuv3-kprobe-6.1-vfio.txt.gz'];

  it.each(RECORDINGS)('%s gives no error and no warning', async (name) => {
    const { code, findings } = await check(name);
    expect(code).toBe(0);
    expect(new Set(findings.map(({ kind, level }) => `${level} ${kind}`))).toEqual(new Set(['note leak']));
  });
});
