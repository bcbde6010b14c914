/** Standard output whose reader has gone (`| head`): normal use, which costs neither the answer nor what goes into files. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli.ts';
import { FakeIo } from './fake-io.ts';

const TRACES = new URL('../../traces/', import.meta.url).pathname;
let folder: string;
let broken: number;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgtrace-reader-'));
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  broken = openSync(pipe, constants.O_WRONLY);
  closeSync(reader);
  rmSync(pipe);
});
afterAll(() => {
  closeSync(broken);
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a command whose standard output nobody reads any more. */
async function unread(args: readonly string[], prepare: (io: FakeIo) => void = () => {}) {
  const io = new FakeIo();
  Object.assign(io.stdout, { fd: broken });
  prepare(io);
  const code = await run(args, io);
  return { code, stderr: io.stderr.text };
}

describe('a reader that has gone', () => {
  it.each([
    'gen game',
    `import ${TRACES}lazy-unmap.ndjson`,
    `dump ${TRACES}lazy-unmap.ndjson`,
    `replay ${TRACES}lazy-unmap.ndjson --results -`,
    'schema stats',
  ])('ends `%s` quietly, with 0', async (line) => {
    expect(await unread(line.split(' '))).toEqual({ code: 0, stderr: '' });
  });

  it('does not change an answer that is known', async () => {
    const differ = join(folder, 'differ.ndjson');
    const events = [
      { op: 'map', iova: '0x0', paddr: '0x0', size: 2 ** 21 },
      { op: 'unmap', iova: '0x0', size: 4096 },
      { op: 'iova_to_phys', iova: '0x1000', paddr: '0x7000' },
    ];
    writeFileSync(differ, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    expect(await unread(['compare', '--engines', 'arm,generic', differ])).toEqual({ code: 1, stderr: '' });
    const report = await unread(['replay', differ, '--format', 'csv']);
    expect(report).toEqual({ code: 1, stderr: '' });
    const missing = join(folder, 'missing.ndjson');
    writeFileSync(missing, '{"op":"map"}\n');
    const sweep = await unread(['sweep', missing, '--jobs', '1', '-q']);
    expect(sweep.code).toBe(3);
  });

  it('does not hide an interrupt', async () => {
    const path = join(folder, 'long.ndjson');
    writeFileSync(
      path,
      '{"op":"map","iova":"0x0","paddr":"0x0","size":4096}\n{"op":"unmap","iova":"0x0","size":4096}\n'.repeat(40_000),
    );
    const { code, stderr } = await unread(['compare', '--engines', 'arm,generic', path], (io) => {
      const { on } = io;
      io.on = (event: string, listener: () => void) => {
        if (event === 'SIGINT') setImmediate(() => io.emit('SIGINT'));
        return on.call(io, event, listener) as FakeIo;
      };
    });
    expect(stderr).toMatch(/^pgtrace: interrupted after [\d,]+ events\n$/);
    expect(code).toBe(130);
  });

  it('does not keep reports in files from being written, whole', async () => {
    const [read, both] = [join(folder, 'read.json'), join(folder, 'both.json')];
    const trace = `${TRACES}lazy-unmap.ndjson`;
    expect(await run(['replay', trace, '-o', read], new FakeIo())).toBe(0);
    const { code } = await unread(['replay', trace, '--results', '-', '-o', both]);
    expect(code).toBe(0);
    expect(readFileSync(both, 'utf8')).toBe(readFileSync(read, 'utf8'));
    const after = join(folder, 'after.json');
    await unread(['replay', trace, '-o', '-', '--format', 'csv', '-o', after]);
    expect(readFileSync(after, 'utf8')).toBe(readFileSync(read, 'utf8'));
  });
});
