import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SAMPLES } from '../trace/import/read.ts';
import { statsOf } from './events.ts';
import { runCli } from './fake-io.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'pgtrace-import-'));
const fresh = (name: string): string => join(folder, name);

describe('pgtrace import', () => {
  it.each([
    'traces/smmuv3-kprobe-6.1.txt.gz',
    'traces/smmuv3-kprobe-6.1-vfio.txt.gz',
    'traces/smmuv3-boot-6.1.txt.gz',
    'test/trace/import/samples/kprobe-gather.txt',
    'test/trace/import/samples/ftrace-trace_pipe.txt',
    'test/trace/import/samples/dmesg.txt',
    'test/trace/import/samples/perf-trace.txt',
    'traces/bind-overtaking.ndjson',
  ])('%s: replaying the result comes to what replaying the recording comes to', async (name) => {
    const path = join(ROOT, name);
    const output = fresh('out.ndjson');
    const { code, stdout } = await runCli(['import', path, '-o', output]);
    expect([code, stdout]).toEqual([0, '']);
    const [direct, imported] = [await statsOf(path), await statsOf(output)];
    expect(imported.counters).toEqual(direct.counters);
    expect(imported.document.domains).toEqual(direct.document.domains);
    expect(imported.code).toBe(direct.code);
  });

  it('gives the same for both layers, each asked for', async () => {
    const path = join(ROOT, 'traces/smmuv3-kprobe-6.1.txt.gz');
    const output = fresh('iommu.ndjson');
    await runCli(['import', path, '-o', output, '--layer', 'iommu', '-q']);
    expect((await statsOf(output)).counters).toEqual((await statsOf(path, '--layer', 'iommu')).counters);
  });

  it('writes to stdout, and says on stderr what it read and what it assumed', async () => {
    const { code, stdout, stderr } = await runCli(['import', join(SAMPLES, 'perf-script.txt')]);
    const lines = stdout.trimEnd().split('\n');
    expect(code).toBe(0);
    expect(JSON.parse(lines[0])).toEqual({ op: 'trace', version: 1, source: 'ftrace text' });
    expect(lines.filter((line) => line.startsWith('{"op":"map"')).length).toBe(6);
    expect(JSON.parse(lines[2])).toMatchObject({ op: 'map', ts: 19_527_096_000, thread: '241', ret: 0 });
    expect(stderr).toMatch(/^imported 6 maps, 4 unmaps in \d domains? from ftrace text, \d+ lines\n {2}/);
    expect((await runCli(['import', join(SAMPLES, 'perf-script.txt'), '-q'])).stderr).toBe('');
  });

  it('keeps what came before a line that cannot be used', async () => {
    const text = readFileSync(join(SAMPLES, 'perf-script.txt'), 'utf8');
    const cut = `${text}dd 1 [000] 20.000000: iommu:map: IOMMU: iova=0x1000\n`;
    const output = fresh('partial.ndjson');
    const { code, stderr } = await runCli(['import', '-', '-o', output], { stdin: cut });
    expect(code).toBe(3);
    expect(stderr).toMatch(
      /pgtrace: <stdin>:\d+:\d+: the fields of this event are in no known form: IOMMU: iova=0x1000/,
    );
    expect(readFileSync(output, 'utf8').match(/"op":"(?:un)?map"/g)?.length).toBe(10);
    const lenient = await runCli(['import', '-', '-o', output, '--lenient'], { stdin: cut });
    expect(lenient.code).toBe(0);
    expect(lenient.stderr).toContain('pgtrace: skipped: <stdin>:');
  });

  it('leaves an older file alone when nothing can be used', async () => {
    const output = fresh('older.ndjson');
    writeFileSync(output, 'older');
    for (const stdin of ['nothing at all\n', '# tracer: nop\n dd-1 [000] .... 1.0: sched_switch: a\n']) {
      const { code, stderr } = await runCli(['import', '-', '-o', output], { stdin });
      expect(code).toBe(3);
      expect(stderr).toMatch(/not a trace that is known here|no map or unmap event/);
      expect(readFileSync(output, 'utf8')).toBe('older');
    }
  });

  it.each([
    [['import', 'x.txt', '--domain-by', 'pid', '--single-domain'], /exclude each other/],
    [['import', 'x.txt', '--domain-by', 'name'], /Allowed choices are comm, pid, dev/],
    [['import', 'x.txt', '--field-map', 'address=a'], /iova/],
    [['import', join(SAMPLES, 'perf-script.txt'), '-o', join(SAMPLES, 'perf-script.txt')], /is the recording itself/],
    [['replay', 'x.txt', '--on-conflict', 'ignore'], /Allowed choices are skip, implicit-unmap, fail/],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await runCli(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  it('takes the names that a program has printed', async () => {
    const text = 'do_map addr=0x1000 pa=0x80000000 len=4096 dom=7\ndo_unmap addr=0x1000 len=4096 dom=7\n';
    const map = 'iova=addr,paddr=pa,size=len,domain=dom';
    const { code, stdout } = await runCli(['import', '-', '--field-map', map, '-q'], { stdin: text });
    expect(code).toBe(0);
    expect(stdout).toContain(
      '{"op":"map","domain":"7","thread":"log","iova":"0x1000","paddr":"0x80000000","size":4096',
    );
    expect(stdout).toContain('{"op":"unmap","domain":"7","thread":"log","iova":"0x1000","size":4096');
  });
});
