import { inputError, type PgtraceError } from '../../base/errors.ts';
import type { BatchWriter } from '../batch-writer.ts';
import type { Decoder, DecoderContext } from '../decoder.ts';
import { decodeEvent, LineError } from './decode.ts';
import { locate } from './locate.ts';
import { LineScanner } from './scan.ts';

const LF = 0x0a;
const CR = 0x0d;
const TAB = 0x09;

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
      this.#notUtf8(buffer.subarray(start, end));
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

  #notUtf8(bytes: Buffer): void {
    const at = firstBadByte(bytes);
    const byte = `0x${bytes[at].toString(16).padStart(2, '0')}`;
    // Columns count characters, and all bytes before this one make whole ones.
    const column = bytes.toString('utf8', 0, at).length + 1;
    this.#context.badLine(this.#error(`byte ${byte} is not UTF-8; the trace language is UTF-8 text`, column));
  }

  #error(message: string, column: number): PgtraceError {
    return inputError(message, { file: this.#context.name, line: this.#line, column });
  }
}

function isBlank(buffer: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (buffer[i] !== 0x20 && buffer[i] !== TAB && buffer[i] !== CR) return false;
  return true;
}

/** Index of the first byte that neither is a character nor starts one (RFC 3629). */
function firstBadByte(bytes: Buffer): number {
  let at = 0;
  while (at < bytes.length) {
    const length = characterBytes(bytes, at);
    if (length === 0) return at;
    at += length;
  }
  return at;
}

/** Bytes of the character at a place, 0 when there is none. */
function characterBytes(bytes: Buffer, at: number): number {
  const lead = bytes[at];
  if (lead < 0x80) return 1;
  const length = lead >= 0xf5 || lead < 0xc2 ? 0 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  for (let i = 1; i < length; i++) if (at + i >= bytes.length || (bytes[at + i] & 0xc0) !== 0x80) return 0;
  const second = bytes[at + 1];
  // Overlong forms, surrogates, and what lies above U+10FFFF.
  if ((lead === 0xe0 && second < 0xa0) || (lead === 0xed && second > 0x9f)) return 0;
  if ((lead === 0xf0 && second < 0x90) || (lead === 0xf4 && second > 0x8f)) return 0;
  return length;
}
