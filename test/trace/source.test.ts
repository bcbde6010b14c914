import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { PgtraceError } from '../../src/base/errors.ts';
import { openTrace, type ReadOptions, type ReadOutcome } from '../../src/trace/open.ts';
import { LineBuffer, MAX_LINE_BYTES } from '../../src/trace/source/line-buffer.ts';
import { expectSameList } from '../same.ts';

const folder = mkdtempSync(join(tmpdir(), 'pgtrace-source-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const STRICT: ReadOptions = { layer: null, lenient: false };
const nothing = (): Readable => Readable.from([]);

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

interface Reading {
  readonly outcome: ReadOutcome;
  /** Line number of each event. */
  readonly lines: number[];
  readonly iovas: number[];
}

async function read(path: string, options: Partial<ReadOptions> = {}, stdin: Readable = nothing()): Promise<Reading> {
  const reader = await openTrace(path, stdin, { ...STRICT, ...options });
  const lines: number[] = [];
  const iovas: number[] = [];
  const outcome = await reader.read((batch) => {
    for (let i = 0; i < batch.length; i++) {
      lines.push(batch.line[i]);
      iovas.push(batch.iovaLo[i]);
    }
    return true;
  });
  return { outcome, lines, iovas };
}

const messageOf = (reading: Reading): string => (reading.outcome.error?.text ?? '').replaceAll(`${folder}/`, '');

const events = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `{"op":"walk","iova":"0x${i.toString(16)}"}`);
const numbers = (count: number, from = 0): number[] => Array.from({ length: count }, (_, i) => i + from);
/** Longer than what is looked at to recognise an input, so that chunk boundaries matter. */
const MANY = 4000;
const text = `${events(MANY).join('\n')}\n`;

describe('a trace in a file', () => {
  const cases: Readonly<Record<string, () => string>> = {
    plain: () => file('plain.ndjson', text),
    'with CRLF': () => file('crlf.ndjson', text.replaceAll('\n', '\r\n')),
    'with a byte order mark': () => file('bom.ndjson', `\ufeff${text}`),
    'without the last newline': () => file('no-newline.ndjson', text.slice(0, -1)),
    gzip: () => file('a.gz', gzipSync(text)),
    'gzip in members': () =>
      file('b.gz', Buffer.concat([gzipSync(text.slice(0, 1000)), gzipSync(''), gzipSync(text.slice(1000))])),
    'gzip by another name': () => file('misnamed.ndjson', gzipSync(text)),
    zstd: () => join(import.meta.dirname, 'samples', 'walks-4000.ndjson.zst'),
  };
  for (const [name, make] of Object.entries(cases)) {
    for (const chunkBytes of [7, 64 * 1024, undefined]) {
      it(`${name}, in chunks of ${chunkBytes ?? 'the usual size'}`, async () => {
        const reading = await read(make(), chunkBytes === undefined ? {} : { chunkBytes });
        expect(reading.outcome).toMatchObject({ complete: true, error: null, lines: MANY, skippedLines: 0 });
        expectSameList(reading.lines, numbers(MANY, 1));
        expectSameList(reading.iovas, numbers(MANY));
      });
    }
  }

  it('zstd in several frames, some to be skipped', async () => {
    const frame = readFileSync(join(import.meta.dirname, 'samples', 'walks-4000.ndjson.zst'));
    const skipped = Buffer.from([0x51, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    const path = file('frames.zst', Buffer.concat([skipped, frame, skipped, frame]));
    for (const chunkBytes of [1, 1000]) {
      const { outcome, iovas } = await read(path, { chunkBytes });
      expect(outcome).toMatchObject({ complete: true, lines: 2 * MANY });
      expect(iovas).toEqual([...numbers(MANY), ...numbers(MANY)]);
    }
  });

  it('in chunks of one byte', async () => {
    expect((await read(file('ones.ndjson', text), { chunkBytes: 1 })).iovas).toEqual(numbers(MANY));
    expect((await read(file('ones.gz', gzipSync(text)), { chunkBytes: 1 })).iovas).toEqual(numbers(MANY));
  });

  it('with blank lines, which count as lines', async () => {
    const reading = await read(
      file('blank.ndjson', '\n  \n{"op":"walk","iova":"0x1"}\r\n\t\r\n\r\r\n{"op":"walk","iova":"0x2"}\n\n'),
    );
    expect(reading.lines).toEqual([3, 6]);
    expect(reading.outcome).toMatchObject({ complete: true, lines: 7 });
  });

  it('that is empty, or empty but for its compression', async () => {
    for (const path of [file('empty', ''), file('empty.gz', gzipSync('')), file('bom-only', '\ufeff')]) {
      expect(await read(path)).toMatchObject({ outcome: { complete: true, error: null, lines: 0 }, lines: [] });
    }
  });
});

describe('standard input', () => {
  const pipe = (bytes: Uint8Array, step: number): Readable =>
    Readable.from(
      Array.from({ length: Math.ceil(bytes.length / step) }, (_, i) => bytes.subarray(i * step, (i + 1) * step)),
    );

  it.each([1, 7, 65536])('is read in pieces of %i, plain and compressed', async (step) => {
    for (const bytes of [Buffer.from(text), gzipSync(text)]) {
      const reading = await read('-', {}, pipe(bytes, step));
      expectSameList(reading.iovas, numbers(MANY));
      expect(reading.outcome.complete).toBe(true);
    }
  });

  it('is named <stdin> in messages', async () => {
    expect(messageOf(await read('-', {}, pipe(Buffer.from(`${events(2).join('\n')}\n{"op":"walk"}\n`), 9)))).toMatch(
      /^<stdin>:3:1: walk without "iova"/,
    );
  });

  it('is not read from a terminal', async () => {
    const terminal = Object.assign(nothing(), { isTTY: true });
    await expect(openTrace('-', terminal, STRICT)).rejects.toMatchObject({ exitCode: 2 });
  });

  it('that breaks is an environment error, with what came before', async () => {
    const broken = Readable.from(
      (async function* () {
        yield Buffer.from(text);
        throw Object.assign(new Error('read EIO'), { code: 'EIO', syscall: 'read' });
      })(),
    );
    const reading = await read('-', {}, broken);
    expectSameList(reading.iovas, numbers(MANY));
    expect(reading.outcome.error).toMatchObject({ exitCode: 4, message: '<stdin>: cannot read (EIO)' });
  });
});

describe('paths that cannot be read', () => {
  it('say why', async () => {
    mkdirSync(join(folder, 'dir'), { recursive: true });
    await expect(openTrace(join(folder, 'none'), nothing(), STRICT)).rejects.toMatchObject({
      exitCode: 4,
      message: `${folder}/none: no such file`,
    });
    await expect(openTrace(join(folder, 'dir'), nothing(), STRICT)).rejects.toMatchObject({
      exitCode: 2,
      message: `${folder}/dir is a directory; name a trace file`,
    });
  });

  it.skipIf(process.getuid?.() === 0)('name missing permission', async () => {
    const path = file('secret', text);
    chmodSync(path, 0);
    await expect(openTrace(path, nothing(), STRICT)).rejects.toMatchObject({
      exitCode: 4,
      message: `${path}: permission denied`,
    });
  });
});

describe('bytes that are no text', () => {
  const good = events(2).join('\n');
  it.each([
    ['NUL', [0], ':3:1: not valid JSON: found a NUL byte'],
    ['a stray continuation byte', [...Buffer.from('{"op":"é'), 0x80], ':3:9: byte 0x80 is not UTF-8'],
    ['an overlong form', [...Buffer.from('🙂'), 0xc0, 0xaf], ':3:3: byte 0xc0 is not UTF-8'],
    ['a surrogate', [0x20, 0xed, 0xa0, 0x80], ':3:2: byte 0xed is not UTF-8'],
    ['a cut character', [...Buffer.from('�'), 0xe2, 0x82], ':3:2: byte 0xe2 is not UTF-8'],
    ['above the last code point', [0xf4, 0x90, 0x80, 0x80], ':3:1: byte 0xf4 is not UTF-8'],
  ])('%s', async (_, bytes, message) => {
    const path = file(
      'bytes.ndjson',
      Buffer.concat([Buffer.from(`${good}\n`), Buffer.from(bytes), Buffer.from('\n{"op":"walk","iova":"0x9"}\n')]),
    );
    const strict = await read(path);
    expect(messageOf(strict)).toContain(message);
    expect(strict.iovas).toEqual([0, 1]);
    const lenient = await read(path, { lenient: true });
    expect(lenient.iovas).toEqual([0, 1, 9]);
    expect(lenient.outcome).toMatchObject({ complete: true, skippedLines: 1 });
    expect(lenient.outcome.skippedErrors[0].text).toContain(message);
  });
});

describe('damaged compression', () => {
  const lines = events(600);
  const packed = gzipSync(`${lines.join('\n')}\n`);

  it('a gzip cut anywhere gives every line before the cut', async () => {
    let most = 0;
    for (let cut = 1; cut < packed.length; cut += 100) {
      const { outcome, iovas } = await read(file('cut.gz', packed.subarray(0, cut)));
      expect(outcome.complete).toBe(false);
      expect(outcome.error).toMatchObject({ exitCode: 3 });
      expectSameList(iovas, numbers(iovas.length));
      expect(iovas.length).toBeGreaterThanOrEqual(most);
      most = iovas.length;
      if (iovas.length > 0) expect(outcome.error?.place).toMatchObject({ line: iovas.length + 1 });
    }
    expect(most).toBeGreaterThan(500);
  });

  it('a gzip with a wrong checksum gives every line and is not complete', async () => {
    const bad = Buffer.from(packed);
    bad[bad.length - 6] ^= 1;
    const { outcome, iovas } = await read(file('sum.gz', bad));
    expect(iovas.length).toBeGreaterThan(590);
    expect(outcome.error?.message).toContain('the gzip data is damaged');
  });

  it('a gzip with a changed byte never passes', async () => {
    for (let at = 10; at < packed.length; at += 97) {
      const bad = Buffer.from(packed);
      bad[at] ^= 0x55;
      const { outcome } = await read(file('flip.gz', bad));
      expect(outcome.complete).toBe(false);
      expect(outcome.error?.text).toMatch(/the gzip data (is damaged|ends too early)/);
    }
  });

  const zst = join(import.meta.dirname, 'samples', 'walks-4000.ndjson.zst');
  it('a cut zstd file never passes', async () => {
    const bytes = readFileSync(zst);
    for (let cut = 4; cut < bytes.length; cut += 211) {
      const { outcome, iovas } = await read(file('cut.zst', bytes.subarray(0, cut)));
      expect(outcome.error?.text).toMatch(/the zstd data (is damaged|ends too early)/);
      expectSameList(iovas, numbers(iovas.length));
    }
  });

  it('a changed zstd file never passes', async () => {
    const bytes = readFileSync(zst);
    for (let at = 5; at < bytes.length; at += 173) {
      const bad = Buffer.from(bytes);
      bad[at] ^= 0x10;
      const { outcome } = await read(file('flip.zst', bad));
      expect(outcome.complete, `byte ${at}`).toBe(false);
      expect(outcome.error).toMatchObject({ exitCode: 3 });
    }
  });

  it('other compressions are refused by name', async () => {
    expect(messageOf(await read(file('x.bz2', 'BZh91AY&SY')))).toContain('bzip2 and xz files are not read');
    expect(messageOf(await read(file('x.xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]))))).toContain(
      'bzip2 and xz files are not read',
    );
  });

  it.skipIf(spawnSync('zstd', ['--version']).error !== undefined)(
    'zstd as the tool writes it at any level',
    async () => {
      for (const level of ['-1', '-19', '--ultra', '--no-check']) {
        const { stdout } = spawnSync('zstd', ['-q', '-c', level], { input: text });
        expect((await read(file('level.zst', stdout))).iovas).toEqual(numbers(MANY));
      }
    },
  );
});

describe('long lines', () => {
  const around = (length: number): Buffer => {
    const line = Buffer.alloc(length, 'x');
    line.write('{"op":"walk","iova":"0x7","comment":"');
    line.write('"}', length - 2);
    return Buffer.concat([
      Buffer.from('{"op":"walk","iova":"0x0"}\n'),
      line,
      Buffer.from('\n{"op":"walk","iova":"0x9"}\n'),
    ]);
  };

  it('of 64 MiB are read', async () => {
    const { outcome, iovas } = await read(file('long', around(MAX_LINE_BYTES)));
    expect(outcome.error).toBeNull();
    expect(iovas).toEqual([0, 7, 9]);
  });

  it('above that are refused, or skipped and counted', async () => {
    const path = file('longer', around(MAX_LINE_BYTES + 1));
    const strict = await read(path);
    expect(messageOf(strict)).toBe(
      'longer:2:1: this line is longer than 64 MiB; is this a trace with one event a line?',
    );
    expect(strict.iovas).toEqual([0]);
    const lenient = await read(path, { lenient: true });
    expect(lenient.lines).toEqual([1, 3]);
    expect(lenient.outcome.skippedLines).toBe(1);
    rmSync(path);
    rmSync(join(folder, 'long'));
  });
});

describe('LineBuffer', () => {
  let seen: string[] = [];
  let tooLong = 0;
  const buffer = (limit: number): LineBuffer =>
    new LineBuffer(
      (bytes, start, end) => seen.push(...bytes.toString('latin1', start, end).split('\n').slice(0, -1)),
      () => tooLong++,
      limit,
    );

  it.each([1, 2, 3, 5, 8, 13, 100])('cuts lines alike in chunks of %i', (step) => {
    seen = [];
    tooLong = 0;
    const lines = buffer(8);
    const input = Buffer.from('a\n\n12345678\n123456789\nb\n1234567890123456789012345\n\nc\r\nlast');
    for (let at = 0; at < input.length; at += step) lines.push(input.subarray(at, at + step));
    lines.finish();
    // A dropped line leaves an empty one, so that numbers stay right.
    expect(seen).toEqual(['a', '', '12345678', '', 'b', '', '', 'c\r', 'last']);
    expect(tooLong).toBe(2);
  });
});

describe('a consumer', () => {
  it('that throws sees no event twice, and its error counts before later bad lines', async () => {
    const path = file('throws', `${events(9000).join('\n')}\n{"op":"walk"}\n`);
    const reader = await openTrace(path, nothing(), STRICT);
    let batches = 0;
    const outcome = await reader.read(() => {
      batches++;
      throw new PgtraceError(3, 'at the start', { file: 'x', line: 1, column: 1 });
    });
    expect(batches).toBe(1);
    expect(outcome.error?.message).toBe('at the start');
  });

  it('that has enough does not hear of what comes after', async () => {
    const reader = await openTrace(file('enough', `${events(3).join('\n')}\n{"op":"walk"}\n`), nothing(), STRICT);
    const outcome = await reader.read(() => false);
    expect(outcome).toMatchObject({ error: null, complete: false });
  });
});
