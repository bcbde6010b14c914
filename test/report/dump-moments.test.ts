import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runCli } from '../cli/fake-io.ts';

const trace = (name: string): string => fileURLToPath(new URL(`../../traces/${name}`, import.meta.url));

describe('dump --at with several events', () => {
  it('shows what one look at each would show', async () => {
    for (const [name, seqs] of [
      ['smmuv3-kprobe-6.1.txt.gz', [40, 1000, 1001, 1299]],
      ['over-reservation.ndjson', [1, 3]],
      ['bind-over-reservation.ndjson', [2, 4, 5]],
    ] as const) {
      for (const view of ['tree', 'ranges', 'raw']) {
        const file = trace(name);
        const text = await runCli(['dump', file, '--view', view, '--at', seqs.join(',')]);
        const json = await runCli(['dump', file, '--view', view, '--json', '--at', [...seqs].reverse().join(',')]);
        let texts = '';
        let jsons = '';
        for (const at of seqs) {
          texts += `== after event ${at} ==\n${(await runCli(['dump', file, '--view', view, '--at', `${at}`])).stdout}`;
          jsons += `{"at":${at}}\n${(await runCli(['dump', file, '--view', view, '--json', '--at', `${at}`])).stdout}`;
        }
        expect(text.stdout).toBe(texts);
        expect(json.stdout).toBe(jsons);
        expect(text.code).toBe(0);
      }
    }
  });

  it('says where a domain is not there yet, and goes on', async () => {
    const file = trace('smmuv3-kprobe-6.1.txt.gz');
    const done = await runCli(['dump', file, '--domain', '0x48107000', '--view', 'ranges', '--at', '0,1299']);
    expect(done.stdout).toMatch(/^== after event 0 ==\n--domain .*no such domain.*\n== after event 1299 ==\n\n?domain/);
  });

  it('takes one event where operations wait, and none beyond the end', async () => {
    const file = trace('over-reservation.ndjson');
    const queued = await runCli(['dump', file, '--at', '1,2', '--queue-depth', '4']);
    expect([queued.code, queued.stderr]).toEqual([
      2,
      expect.stringContaining('--at takes one event where operations wait'),
    ]);
    const beyond = await runCli(['dump', file, '--at', '1,99999']);
    expect([beyond.code, beyond.stderr]).toEqual([2, expect.stringContaining('--at 99999: the trace has')]);
    expect(beyond.stdout).toContain('== after event 1 ==');
  });
});
