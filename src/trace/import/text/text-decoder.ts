import { inputError } from '../../../base/errors.ts';
import type { Decoder, DecoderContext } from '../../decoder.ts';
import { shorten } from '../../ndjson/decode.ts';
import type { EventHead } from '../event-head.ts';
import type { ImportNotes } from '../import-notes.ts';
import type { ImportOptions } from '../import-options.ts';
import type { Importer } from '../importer.ts';
import type { LineReader, LoggedEvent } from '../log/line-reader.ts';
import { lineReaders } from '../log/registry.ts';
import { headOf, payloadOf } from '../quick-request.ts';
import { EventLineReader } from './event-line.ts';
import { noteComment } from './losses.ts';
import { isOverflown } from './payload-text.ts';
import { QuickLines } from './quick/quick-lines.ts';
import { SystracePage } from './systrace.ts';
import { Unwrapper } from './unwrap.ts';

const HASH = 0x23;
const WHOLE_END = /(?:size|pgcount|prot|gather)=(?:0x)?[0-9a-f]+\s*$/;
const EVENT_LINES = 'ftrace text';

/** How the lines of an input come to be lines of a recording. */
export interface TextForm {
  /** It is a web page around the recording. */
  readonly page: boolean;
  /** Lines are wrapped and quoted as in a mail. */
  readonly wrapped: boolean;
}

/** Reads recordings that are text: event lines of ftrace, trace-cmd and perf, kernel logs, and what else has lines. */
export class TextDecoder implements Decoder {
  readonly #notes: ImportNotes;
  readonly #importer: Importer;
  readonly #context: DecoderContext;
  readonly #events: EventLineReader;
  readonly #quick = new QuickLines();
  /** The others; the one that read the last line is asked first. */
  readonly #readers: LineReader[];
  readonly #page: SystracePage | null;
  readonly #unwrapper: Unwrapper | null;
  #format: string | null = null;
  #line = 0;

  constructor(importer: Importer, context: DecoderContext, options: ImportOptions, form: TextForm) {
    this.#notes = importer.notes;
    this.#importer = importer;
    this.#context = context;
    this.#events = new EventLineReader(options.domainBy === 'comm');
    this.#readers = lineReaders(options.fieldMap ?? {});
    this.#page = form.page ? new SystracePage() : null;
    this.#unwrapper = form.wrapped ? new Unwrapper((line, number) => this.#readText(line, number)) : null;
    this.#notes.unwrapped = form.wrapped;
  }

  get format(): string {
    return this.#format ?? EVENT_LINES;
  }

  get line(): number {
    return this.#line;
  }

  decode(buffer: Buffer, start: number, end: number): void {
    const plain = this.#page === null && this.#unwrapper === null;
    let from = start;
    while (from < end && !this.#importer.stopped) {
      if (plain) {
        const next = this.#quick.read(buffer, from);
        if (next > 0) {
          this.#takeQuick(++this.#line);
          from = next;
          continue;
        }
      }
      const newline = buffer.indexOf(10, from);
      this.#line++;
      const stop = newline > from && buffer[newline - 1] === 13 ? newline - 1 : newline;
      if (plain) this.#readLine(buffer, from, stop, this.#line, true);
      else this.#prepare(buffer.toString('utf8', from, stop));
      from = newline + 1;
    }
  }

  finish(): void {
    this.#unwrapper?.finish();
    if (this.#format === null) this.#begin(EVENT_LINES);
    for (const reader of this.#readers) {
      const rest = reader.finish?.() ?? null;
      if (rest !== null) this.#logged(rest, this.#line);
      if (reader.note !== null) this.#notes.physicalNote = reader.note;
    }
    this.#importer.finish();
  }

  /** The first line that can be read tells what the input is. */
  #begin(format: string): void {
    this.#format = format;
    this.#importer.begin(format);
  }

  #prepare(line: string): void {
    const text = this.#page === null ? line : this.#page.take(line);
    if (text === null) return;
    if (this.#unwrapper === null) this.#readText(text, this.#line);
    else this.#unwrapper.push(text, this.#line);
  }

  #readText(line: string, number: number): void {
    const bytes = Buffer.from(`${line}\n`, 'utf8');
    this.#readLine(bytes, 0, bytes.length - 1, number, false);
  }

  #takeQuick(number: number): void {
    const { line } = this.#quick;
    if (this.#importer.takesQuick) this.#importer.takeQuick(line, number);
    else this.#importer.take(payloadOf(line), headOf(line), number);
  }

  /** `learns`: whether others like it may follow in this buffer. */
  #readLine(buffer: Buffer, start: number, end: number, number: number, learns: boolean): void {
    if (buffer[start] !== HASH) {
      const event = this.#events.read(buffer, start, end);
      if (event !== null) {
        if (this.#format === null) this.#begin(EVENT_LINES);
        if (learns && event.payload !== null) this.#quick.learn(buffer, start, this.#events.columns, event);
        if (event.payload !== null) this.#importer.take(event.payload, event, number);
        else if (event.unreadable > 0) this.#unreadable(buffer.toString('utf8', start, end), event.unreadable, number);
        else this.#importer.ignore();
        return;
      }
    }
    const text = buffer.toString('utf8', start, end);
    if (noteComment(text, this.#notes.losses) || this.#readLog(text, number)) return;
    this.#notes.unknownLines++;
  }

  /** A line of another form; false when it has none that is known. */
  #readLog(text: string, number: number): boolean {
    const readers = this.#readers;
    for (let i = 0; i < readers.length; i++) {
      const reader = readers[i];
      const logged = reader.read(text);
      if (logged === null) continue;
      if (this.#format === null) this.#begin(reader.format);
      // Most recordings have lines of one form only.
      if (i > 0) readers.unshift(...readers.splice(i, 1));
      if (logged.unreadable > 0) this.#unreadable(text, logged.unreadable, number);
      else this.#logged(logged, number);
      return true;
    }
    return false;
  }

  #logged({ payloads, thread, comm, seconds, nanos }: LoggedEvent, number: number): void {
    const head: EventHead = { thread, level: 0, cpu: -1, comm, seconds, nanos };
    for (const payload of payloads) this.#importer.take(payload, head, number);
    if (payloads.length === 0) this.#importer.ignore();
  }

  #unreadable(text: string, column: number, line: number): void {
    const args = text.slice(column - 1);
    const fields = shorten(args);
    if (isOverflown(args)) {
      const why = `the size of this request did not fit into the field of the recorded kernel: ${fields}; record smaller requests, or a kernel whose events have sizes of 64 bits`;
      this.#importer.refuse(inputError(why, { file: this.#context.name, line, column }));
      return;
    }
    // A line that ends with its size, as a whole one does, was not cut by a mail.
    const hint =
      this.#unwrapper !== null || WHOLE_END.test(args) ? '' : '; of a copy from a mail, --unwrap joins wrapped lines';
    this.#importer.refuse(
      inputError(
        `the fields of this event are in no known form: ${fields}; expected are iova, paddr and size, or iova, paddr, pgsize and pgcount of a probed call${hint}`,
        { file: this.#context.name, line, column },
      ),
    );
  }
}
