import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClosableOutput, FileOutput, GzipOutput, StreamOutput } from '../../src/commands/process/output.ts';
import { FakeStream } from './fake-io.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgtrace-output-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Texts of every length that matters: shorter and longer than a piece and than the buffer, of one to four bytes a character. */
const piece = fc
  .tuple(
    fc.constantFrom('', 'a', 'äö', '€', '𝄞', '{"seq":1}\n'),
    fc.constantFrom(0, 1, 7, 900, 16_384, 16_385, 90_000, 300_000),
  )
  .map(([text, times]) => text.repeat(times));
const written = fc.array(fc.tuple(piece, fc.boolean()), { maxLength: 30 });

/** Writes pieces, some of them as bytes. */
function writeAll(output: ClosableOutput, pieces: readonly (readonly [string, boolean])[]): string {
  for (const [text, asBytes] of pieces) {
    if (asBytes) output.writeBytes(Buffer.from(text));
    else output.write(text);
  }
  output.close();
  return pieces.map(([text]) => text).join('');
}

describe('an output', () => {
  it('delivers every piece in its order, to a file, a descriptor, a terminal and packed', () => {
    const path = join(folder, 'out');
    fc.assert(
      fc.property(written, (pieces) => {
        const text = writeAll(new FileOutput(path), pieces);
        expect(readFileSync(path, 'utf8') === text).toBe(true);
        const fd = openSync(path, 'w');
        writeAll(new StreamOutput(Object.assign(new FakeStream(undefined), { fd })), pieces);
        closeSync(fd);
        expect(readFileSync(path, 'utf8') === text).toBe(true);
        const terminal = new FakeStream({ columns: 80, colors: false });
        writeAll(new StreamOutput(terminal), pieces);
        expect(terminal.text === text).toBe(true);
        writeAll(new GzipOutput(new FileOutput(path)), pieces);
        const packed = readFileSync(path);
        expect((packed.length === 0 ? '' : gunzipSync(packed).toString()) === text).toBe(true);
      }),
      { numRuns: 15, seed: 5 },
    );
  });

  it('leaves nothing when it is discarded', () => {
    const path = join(folder, 'none');
    const output = new FileOutput(path);
    output.write('x'.repeat(1_000_000));
    output.discard();
    expect(() => readFileSync(path)).toThrow('ENOENT');
    const stream = new FakeStream(undefined);
    const short = new StreamOutput(stream);
    short.write('x'.repeat(20_000));
    short.discard();
    short.close();
    expect(stream.text).toBe('');
  });
});
