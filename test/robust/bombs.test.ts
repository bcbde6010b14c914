/** Small files that decompress to very much: memory stays bounded, and a limit can be set. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PgtraceError } from '../../src/base/errors.ts';
import { mergeCommand } from '../../src/commands/sweep/merge/merge.ts';
import { DecompressedBytes, MOST_KEPT_BYTES } from '../../src/trace/source/decompressed-limit.ts';
import { FakeIo, runCli } from '../cli/fake-io.ts';

const BIN = new URL('../../bin/pgtrace.js', import.meta.url).pathname;
const MIB = 1024 * 1024;
const EVENT = '{"op":"map","iova":"0x1000","paddr":"0x1000","size":4096}\n';
/** Megabytes that a run may take: what Node itself does, the longest line twice, and the arena of the tables. */
const MOST_MIB = 450;
const folder = mkdtempSync(join(tmpdir(), 'pgtrace-bombs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, ...parts: readonly Uint8Array[]): string {
  const path = join(folder, name);
  writeFileSync(path, Buffer.concat(parts));
  return path;
}

/** `count` members of gzip, each of `mib` MiB of one character. */
function members(char: string, count: number, mib = 32): Uint8Array[] {
  return new Array(count).fill(gzipSync(Buffer.alloc(mib * MIB, char)));
}

/** A frame of zstd (RFC 8878) of `blocks` blocks of 128 KiB that each repeat one character, four bytes long. */
function zstdRuns(char: string, blocks: number): Uint8Array {
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38]);
  const RLE = 1;
  const body = Array.from({ length: blocks }, (_, i) => {
    const header = Number(i === blocks - 1) | (RLE << 1) | ((128 * 1024) << 3);
    return Buffer.from([header & 0xff, (header >> 8) & 0xff, header >> 16, char.charCodeAt(0)]);
  });
  return Buffer.concat([head, ...body]);
}

const event = gzipSync(EVENT);
const limited = (args: readonly string[], size: string) => runCli([...args, '--max-decompressed', size]);

describe('a trace that decompresses to a line without end', () => {
  let hook: string;
  beforeAll(() => {
    if (!existsSync(new URL('../../dist/cli.js', import.meta.url))) throw new Error('run `npm run build` first');
    hook = file(
      'hook.cjs',
      Buffer.from("process.on('exit', () => console.error('RSS', process.resourceUsage().maxRSS >> 10));"),
    );
  });

  /** Up to 4 GiB in a file of megabytes or less, through the process that users start. */
  it.each([
    ['gz', () => [event, ...members('a', 128)], [], 3],
    ['gz', () => [event, ...members('a', 24)], ['--lenient'], 0],
    ['zst', () => [zstdRuns('{', 1), zstdRuns('a', 8 * 1024)], [], 3],
  ] as const)('is refused, and takes no memory: .%s', (ending, parts, options, wanted) => {
    const path = file(`line.ndjson.${ending}`, ...parts());
    const args = ['--require', hook, BIN, 'replay', path, ...options];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect(status).toBe(wanted);
    expect(stderr).toContain('this line is longer than 64 MiB');
    expect(Number(/RSS (\d+)/.exec(stderr)?.[1])).toBeLessThan(MOST_MIB);
  });
});

describe('--max-decompressed', () => {
  const COMMANDS = ['replay', 'check', 'dump', 'import', 'windows'] as const;
  it.each(COMMANDS)('ends %s with what came before', async (command) => {
    const path = file('events.ndjson.gz', event, event, ...members('\n', 1, 2));
    const { code, stderr } = await limited([command, path], '1M');
    expect(code).toBe(3);
    expect(stderr).toContain(`${path}:`);
    expect(stderr).toContain('it decompresses to more than 1M bytes');
    expect(stderr).toContain('--max-decompressed SIZE');
    expect((await limited([command, path], '1G')).code).toBeLessThan(2);
  });

  it('uses the events before the limit, to the byte', async () => {
    const path = file('three.ndjson.gz', gzipSync(EVENT.repeat(3)));
    const text = EVENT.length;
    const counts: unknown[] = [];
    for (const bytes of [text * 3, text * 3 - 1, text * 2, text * 2 - 1]) {
      const { code, stdout, stderr } = await limited(['replay', path, '--json'], String(bytes));
      const { trace } = JSON.parse(stdout) as { readonly trace: { readonly events: number } };
      counts.push([code, trace.events, /:(\d+):(\d+): it decompresses/.exec(stderr)?.slice(1)]);
    }
    expect(counts).toEqual([
      [0, 3, undefined],
      [3, 2, ['3', String(text)]],
      [3, 2, ['3', '1']],
      [3, 1, ['2', String(text)]],
    ]);
  });

  it('says nothing of what is not compressed', async () => {
    expect((await limited(['replay', file('plain.ndjson', Buffer.from(EVENT))], '1')).code).toBe(0);
  });

  it('holds for zstd', async () => {
    const { code, stderr } = await limited(['replay', file('blank.ndjson.zst', zstdRuns('\n', 64))], '4M');
    expect(code).toBe(3);
    expect(stderr).toContain('more than 4M bytes');
  });

  it('holds for binary recordings, which are kept in memory', async () => {
    const head = Buffer.from('\x17\x08\x44tracing6\0\0\x08', 'latin1');
    const { code, stderr } = await limited(
      ['replay', file('trace.dat.gz', gzipSync(head), ...members('\0', 2))],
      '32M',
    );
    expect(code).toBe(3);
    expect(stderr).toContain('trace.dat.gz: it decompresses to more than 32M bytes');
  });

  it.each(['0', '-1', 'much', '1.5G', '9999P'])('takes sizes only: %s', async (size) => {
    const { code, stderr } = await limited(['replay', 'x'], size);
    expect(code).toBe(2);
    expect(stderr).toContain('--max-decompressed');
  });
});

describe('compressed parts of a recording', () => {
  const told = (work: () => void): string => {
    try {
      work();
      return '';
    } catch (error) {
      return (error as PgtraceError).text;
    }
  };

  it('may come to any size one after another, but not beside each other', () => {
    const bytes = new DecompressedBytes('a.dat', null);
    for (let block = 0; block < 100; block++) bytes.add(MOST_KEPT_BYTES, block === 0 ? 0 : MOST_KEPT_BYTES);
    expect(told(() => bytes.add(1))).toBe(
      'a.dat: it decompresses to more than 1G bytes; if that is right, allow more with --max-decompressed SIZE',
    );
  });

  it('may come to what was asked for in all', () => {
    const bytes = new DecompressedBytes('a.dat', 100);
    bytes.add(60);
    expect(told(() => bytes.add(40, 60))).toBe('');
    expect(told(() => bytes.add(1, 40))).toContain('a.dat: it decompresses to more than 100 bytes');
    expect(() => bytes.add(1)).toThrow(PgtraceError);
  });
});

describe('statistics that decompress to very much', () => {
  const path = (): string => file('stats.json.gz', gzipSync('{"complete":true'), ...members(' ', 17));

  it.each([['report'], ['compare', 'same']])('are refused: %s', async (command, ...more) => {
    const name = path();
    const { code, stderr } = await runCli([command, name, ...more.map(() => name)]);
    expect(code).toBe(3);
    expect(stderr).toContain(`${name}: it decompresses to more than 500M bytes`);
  });

  it('are refused earlier where that is asked for', async () => {
    const name = path();
    const { code, stderr } = await limited(['compare', name, name], '1M');
    expect(code).toBe(3);
    expect(stderr).toContain(`${name}: it decompresses to more than 1M bytes; if that is right, allow more`);
  });

  it('are refused as rows', async () => {
    const rows = file('rows.ndjson.gz', ...members('\n', 1, 2));
    const merged = mergeCommand([rows], { maxDecompressed: MIB }, new FakeIo());
    await expect(merged).rejects.toThrow('it decompresses to more than 1M bytes');
  });

  it('are no JSON when they nest a thousand deep', async () => {
    const deep = (end: string): string => `{"schema":"pgtrace.stats/1","complete":${'['.repeat(1e6)}${end}\n`;
    for (const end of ['', `${']'.repeat(1e6)}}`]) {
      const { code, stderr } = await runCli(['report', file('deep.json', Buffer.from(deep(end)))]);
      expect(code).toBe(3);
      expect(stderr).not.toContain('bug in pgtrace');
    }
  });
});
