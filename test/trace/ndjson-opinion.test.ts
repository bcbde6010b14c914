import { createReadStream, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import ndjson from 'ndjson';
import { describe, expect, it } from 'vitest';
import { BatchWriter } from '../../src/trace/batch-writer.ts';
import { openTrace } from '../../src/trace/open.ts';
import { type Row, rowAt } from './rows.ts';

const TRACES = join(import.meta.dirname, '../../traces');
const GOLDEN = join(import.meta.dirname, '../golden/sequences');

/** Valid traces: everything in traces/ but invalid/, and every 10th golden trace. */
const files: string[] = [];
for (const name of readdirSync(TRACES, { recursive: true, encoding: 'utf8' })) {
  if (/\.ndjson(\.gz)?$/.test(name) && !name.startsWith('invalid')) files.push(join(TRACES, name));
}
if (existsSync(GOLDEN)) {
  const golden = readdirSync(GOLDEN, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.trace.ndjson.gz'),
  );
  for (const [i, name] of golden.sort().entries()) if (i % 10 === 0) files.push(join(GOLDEN, name));
}

/** The rows as the ndjson package and JSON.parse see them. */
async function secondOpinion(path: string): Promise<Row[]> {
  const rows: Row[] = [];
  const writer: BatchWriter = new BatchWriter((batch) => {
    for (let i = 0; i < batch.length; i++) rows.push(rowAt(batch, i, writer));
    return true;
  });
  const file = createReadStream(path);
  const parsed = (path.endsWith('.gz') ? file.pipe(createGunzip()) : file).pipe(ndjson.parse());
  let line = 0;
  for await (const event of parsed) writer.push(event as never, ++line);
  writer.flush();
  return rows;
}

describe('the reader and ndjson.parse', () => {
  it('have files to agree on', () => {
    expect(files.length).toBeGreaterThan(0);
  });

  it.each(files.map((path) => [path.split('/').slice(-3).join('/'), path]))('agree on %s', async (_, path) => {
    const reader = await openTrace(path, Readable.from([]), { layer: null, lenient: false });
    const rows: Row[] = [];
    const names = {
      domains: { names: reader.domains },
      threads: { names: reader.threads },
      queues: { names: reader.queues },
    };
    const outcome = await reader.read((batch) => {
      for (let i = 0; i < batch.length; i++) rows.push(rowAt(batch, i, names as never));
      return true;
    });
    expect(outcome.error).toBeNull();
    // Blank lines have numbers here and none there.
    const anywhere = (row: Row): Row => ({ ...row, line: 0 });
    expect(rows.map(anywhere)).toEqual((await secondOpinion(path)).map(anywhere));
  });
});
