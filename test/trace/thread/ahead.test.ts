import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { inputError } from '../../../src/base/errors.ts';
import { eventAt } from '../../../src/trace/ndjson/encode.ts';
import { openTrace, type ReadOptions, type ReadOutcome } from '../../../src/trace/open.ts';
import { BINARY_SEEDS, TEXT_SEEDS } from '../import/robust/seeds.ts';

const OPTIONS: ReadOptions = { lenient: false, layer: null, singleDomain: true };
const folder = mkdtempSync(join(tmpdir(), 'pgtrace-ahead-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** All that a consumer sees, and how the reading ended. `stop`: number of the batch that ends it, `fail`: that throws. */
async function read(path: string, ahead: 'always' | 'never', options: ReadOptions, stop = -1, fail = -1) {
  const reader = await openTrace(path, Readable.from([]), options, ahead);
  const events: string[] = [];
  let batches = 0;
  let outcome: ReadOutcome | null = null;
  let thrown: unknown = null;
  try {
    outcome = await reader.read((batch) => {
      for (let i = 0; i < batch.length; i++) events.push(JSON.stringify([batch.line[i], eventAt(batch, i, reader)]));
      const at = batches++;
      if (at === fail) throw new TypeError('of the consumer');
      return at !== stop;
    });
  } catch (error) {
    thrown = String(error);
  }
  const { domains, threads, queues } = reader;
  // One text: lists of many texts take long to compare.
  const text = events.join('\n');
  return { text, count: events.length, batches, domains, threads, queues, thrown, outcome: plain(outcome) };
}

function plain(outcome: ReadOutcome | null): unknown {
  if (outcome === null) return null;
  return { ...outcome, error: outcome.error?.text, skippedErrors: outcome.skippedErrors.map(({ text }) => text) };
}

function fileOf(name: string, data: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, data);
  return path;
}

/** Some ten batches, with names, fences and events that columns do not hold. */
function long(events: number, broken = -1): string {
  const lines = ['{"op":"trace","version":1}', '{"op":"domain","id":"d"}'];
  for (let i = 2; i < events; i++) {
    const iova = `"iova":"0x${(0x1000 * (i % 4096)).toString(16)}"`;
    if (i === broken) lines.push('{"op":"map","iova":12}');
    else if (i % 700 === 0) lines.push(`{"op":"domain","id":"d${i}"}`);
    else if (i % 90 === 0) lines.push(`{"op":"unmap",${iova},"size":4096,"waits":["f${i - 90}"],"signals":["f${i}"]}`);
    else lines.push(`{"op":"map",${iova},"paddr":"0x1000","size":4096,"thread":"t${i % 5000}","queue":"q${i % 7}"}`);
  }
  return `${lines.join('\n')}\n`;
}

describe('a trace that is read in a thread of its own', () => {
  it('gives what it gives without, of every format', { timeout: 60_000 }, async () => {
    const inputs: [string, Buffer][] = [
      // A thread takes its time to start: some of each kind.
      ...[...TEXT_SEEDS, ...BINARY_SEEDS]
        .filter((_, at) => at % 9 === 0)
        .map(({ name, data }, at): [string, Buffer] => [`${at} ${name.replaceAll('/', ' ')}`, data]),
      ['long.ndjson', Buffer.from(long(80_000))],
      ['long.ndjson.gz', gzipSync(long(80_000))],
      ['empty', Buffer.alloc(0)],
      ['nothing known', Buffer.from('once upon a time\n')],
      ['recording', gunzipSync(readFileSync('test/golden/recordings/smmuv3-kprobe-6.1-strict-4k.txt.gz'))],
    ];
    for (const [name, data] of inputs) {
      const path = fileOf(name, data);
      expect(await read(path, 'always', OPTIONS), name).toEqual(await read(path, 'never', OPTIONS));
    }
  });

  it('ends at the same place when its consumer has enough or fails', async () => {
    const path = fileOf('long.ndjson', long(80_000));
    for (const stop of [0, 3, 9])
      expect(await read(path, 'always', OPTIONS, stop)).toEqual(await read(path, 'never', OPTIONS, stop));
    for (const fail of [0, 4]) {
      const own = await read(path, 'never', OPTIONS, -1, fail);
      expect(own.thrown).toBe('TypeError: of the consumer');
      expect(await read(path, 'always', OPTIONS, -1, fail)).toEqual(own);
    }
  });

  it('ends at the same line where it is broken', async () => {
    const path = fileOf('broken.ndjson', long(50_000, 33_333));
    const own = await read(path, 'never', OPTIONS);
    expect(own.count).toBe(33_333);
    expect(await read(path, 'always', OPTIONS)).toEqual(own);
    const lenient = { ...OPTIONS, lenient: true };
    expect(await read(path, 'always', lenient)).toEqual(await read(path, 'never', lenient));
    const cut = fileOf('cut.ndjson.gz', gzipSync(long(50_000)).subarray(0, 150_000));
    expect(await read(cut, 'always', OPTIONS)).toEqual(await read(cut, 'never', OPTIONS));
  });

  it('is told when it is gone', async () => {
    const path = fileOf('gone.ndjson', long(100));
    const reader = await openTrace(path, Readable.from([]), OPTIONS, 'always');
    rmSync(path);
    const { error } = await reader.read(() => true);
    expect([error?.text, error?.exitCode]).toEqual([`${path}: no such file`, 4]);
  });

  it('stops when it is asked between batches', async () => {
    const reader = await openTrace(fileOf('long.ndjson', long(300_000)), Readable.from([]), OPTIONS, 'always');
    let events = 0;
    const outcome = await reader.read(
      (batch) => {
        events += batch.length;
        return true;
      },
      () => events < 20_000,
    );
    expect([outcome.complete, outcome.error]).toEqual([false, null]);
    expect(events).toBeLessThan(40_000);
  });

  it('is bounded as it is without', async () => {
    const path = fileOf('bomb.ndjson.gz', gzipSync(long(50_000)));
    const options = { ...OPTIONS, maxDecompressed: 1_000_000 };
    const own = await read(path, 'never', options);
    expect(own.outcome).toMatchObject({ complete: false, error: expect.stringContaining('--max-decompressed') });
    expect(await read(path, 'always', options)).toEqual(own);
  });

  it('is asked whether to go on where nothing comes', async () => {
    const path = fileOf('nothing.ndjson', `{"op":"trace","version":1}\n${'\n'.repeat(60_000_000)}`);
    const reader = await openTrace(path, Readable.from([]), OPTIONS, 'always');
    let asked = 0;
    const outcome = await reader.read(
      () => true,
      () => ++asked < 3,
    );
    expect([outcome.complete, outcome.error]).toEqual([false, null]);
    // The thread stops before its first batch could be handed over.
    expect(asked).toBe(3);
  });

  it('fails when the file becomes shorter before it is read again', async () => {
    const path = fileOf('shorter.ndjson', long(80_000));
    const reader = await openTrace(path, Readable.from([]), OPTIONS, 'always');
    let batches = 0;
    const reading = reader.read(() => {
      if (batches++ < 8) return true;
      writeFileSync(path, long(10));
      throw new TypeError('of the consumer');
    });
    await expect(reading).rejects.toThrow('of the consumer');
  });

  it('tells an error of an event, and of a file that became shorter, as its outcome', async () => {
    for (const wrong of [inputError('no such domain', { file: 'f', line: 9, column: 1 }), null]) {
      const path = fileOf('shorter.ndjson', long(80_000));
      const reader = await openTrace(path, Readable.from([]), OPTIONS, 'always');
      let batches = 0;
      const { complete, error } = await reader.read(() => {
        if (batches++ < 8) return true;
        writeFileSync(path, long(10));
        if (wrong !== null) throw wrong;
        return false;
      });
      expect([complete, error?.text]).toEqual([false, wrong?.text ?? `${path} became shorter while it was read`]);
    }
  });
});
