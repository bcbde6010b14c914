import { inputError, type PgtraceError } from '../base/errors.ts';
import type { BatchWriter } from './batch-writer.ts';
import { decodeEvent, LineError } from './decode.ts';
import { locate } from './locate.ts';
import { LineScanner } from './scan.ts';
import type { Decoder, DecoderContext } from './decoder.ts';

const LF = 0x0a;
const CR = 0x0d;

/** The reader of pgtrace's own language: scanner first, JSON.parse for the lines it leaves. */
export class NdjsonDecoder implements Decoder {
  readonly format = 'pgtrace NDJSON';
  readonly #writer: BatchWriter;
  readonly #context: DecoderContext;
  readonly #scanner: LineScanner;
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #line = 0;

  constructor(writer: BatchWriter, context: DecoderContext) {
    this.#writer = writer;
    this.#context = context;
    this.#scanner = new LineScanner(writer);
  }

  get line(): number {
    return this.#line;
  }

  decode(buffer: Buffer, start: number, end: number): void {
    const scanner = this.#scanner;
    let at = start;
    while (at < end && !this.#writer.stopped) {
      const next = scanner.scan(buffer, at, ++this.#line);
      if (next >= 0) {
        at = next;
        continue;
      }
      const newline = buffer.indexOf(LF, at);
      this.#slowLine(buffer, at, newline);
      at = newline + 1;
    }
  }

  finish(): void {}

  #slowLine(buffer: Buffer, start: number, newline: number): void {
    const end = newline > start && buffer[newline - 1] === CR ? newline - 1 : newline;
    if (isBlank(buffer, start, end)) return;
    let text: string;
    try {
      text = this.#utf8.decode(buffer.subarray(start, end));
    } catch {
      const bytes = buffer.subarray(start, end);
      const at = firstBadCharacter(bytes);
      const byte = bytes[Buffer.byteLength(bytes.toString('utf8').slice(0, at))];
      this.#context.badLine(this.#error(`byte 0x${byte.toString(16)} is not UTF-8; the trace language is UTF-8 text`, at + 1));
      return;
    }
    try {
      this.#writer.push(decodeEvent(text), this.#line);
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      const found = locate(text, error);
      this.#context.badLine(this.#error(found.message, found.column));
    }
  }

  #error(message: string, column: number): PgtraceError {
    return inputError(message, { file: this.#context.name, line: this.#line, column });
  }
}

function isBlank(buffer: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (buffer[i] !== 0x20 && buffer[i] !== 0x09) return false;
  return true;
}

/** Index of the first character that does not stand in the bytes: where the decoder had to put a replacement. */
function firstBadCharacter(bytes: Buffer): number {
  const text = bytes.toString('utf8');
  for (let at = text.indexOf('\ufffd'); at >= 0; at = text.indexOf('\ufffd', at + 1)) {
    const before = Buffer.byteLength(text.slice(0, at));
    if (bytes.indexOf('\ufffd', before) !== before) return at;
  }
  return 0;
}
