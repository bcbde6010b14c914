import { existsSync, realpathSync, writeSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { TextBytes } from '../../base/text-bytes.ts';
import type { TextOutput } from '../../base/text-output.ts';
import { ClosedPipe } from './closed-pipe.ts';
import { cannotWrite } from './fs-errors.ts';
import type { OutputStream } from './io.ts';
import { tidyBeside, WholeFile } from './whole-file.ts';

const BUFFER_CHARACTERS = 256 * 1024;
/** Text that is turned into bytes at once: a longer one, put together of thousands, takes twice as long for each character. */
const PIECE_CHARACTERS = 16 * 1024;

/** An output that must be closed. */
export interface ClosableOutput extends TextOutput {
  /** Writes bytes of UTF-8 text, which are used during the call only. */
  writeBytes(bytes: Buffer): void;
  /** Makes everything written so far final. */
  close(): void;
  /** Leaves no trace of the output. */
  discard(): void;
}

/** Text that becomes bytes on its way to `put`, which uses them during the call only. */
class Utf8Buffer {
  readonly #bytes: TextBytes;
  #text = '';

  constructor(put: (bytes: Buffer) => void) {
    this.#bytes = new TextBytes(put);
  }

  write(text: string): void {
    this.#text += text;
    if (this.#text.length > PIECE_CHARACTERS) this.bytes();
  }

  /** Where all text so far has become bytes. */
  bytes(): TextBytes {
    const text = this.#text;
    if (text !== '') {
      this.#text = '';
      this.#bytes.text(text);
    }
    return this.#bytes;
  }

  flush(): void {
    this.bytes().drain();
  }

  discard(): void {
    this.#text = '';
    this.#bytes.length = 0;
  }
}

const RETRY_MS = 2;
const pause = new Int32Array(new SharedArrayBuffer(4));

/**
 * Standard output. Large outputs are written to its descriptor at once: a stream would keep all that a slow reader has not
 * taken yet. Throws an environment error when nothing can be written. When the reader has gone it throws ClosedPipe, so
 * that the work ends (`end`), or the rest is dropped and the work goes on for its exit code and its other outputs (`drop`).
 */
export class StreamOutput implements ClosableOutput {
  readonly #stream: OutputStream;
  readonly #whenGone: 'end' | 'drop';
  readonly #buffer = new Utf8Buffer((bytes) => this.#put(bytes));
  #gone = false;

  constructor(stream: OutputStream, whenGone: 'end' | 'drop' = 'end') {
    this.#stream = stream;
    this.#whenGone = whenGone;
  }

  write(text: string): void {
    this.#buffer.write(text);
  }

  bytes(): TextBytes {
    return this.#buffer.bytes();
  }

  writeBytes(bytes: Buffer): void {
    this.#buffer.flush();
    this.#put(bytes);
  }

  close(): void {
    this.#buffer.flush();
  }

  discard(): void {
    this.#buffer.discard();
  }

  #put(bytes: Buffer): void {
    const { fd } = this.#stream;
    if (this.#gone) return;
    if (fd === undefined || this.#stream.isTTY === true) {
      this.#stream.write(bytes.toString('utf8'));
      return;
    }
    try {
      writeAll(fd, bytes);
    } catch (error) {
      if (this.#whenGone === 'end' || !(error instanceof ClosedPipe)) throw error;
      this.#gone = true;
    }
  }
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') throw new ClosedPipe();
      if (code !== 'EAGAIN') throw cannotWrite('standard output', error);
      // A full pipe that does not block: give its reader a moment.
      Atomics.wait(pause, 0, 0, RETRY_MS);
    }
  }
}

/** A file that appears, whole, when it is closed. Devices and pipes are written directly. Throws environment errors. */
export class FileOutput implements ClosableOutput {
  readonly #file: WholeFile;
  readonly #buffer = new Utf8Buffer((bytes) => this.#file.put(bytes));

  /** Opens at once, so that a bad path fails before the long run. */
  constructor(path: string) {
    tidyBeside(path);
    this.#file = new WholeFile(path);
  }

  write(text: string): void {
    this.#buffer.write(text);
  }

  bytes(): TextBytes {
    return this.#buffer.bytes();
  }

  writeBytes(bytes: Buffer): void {
    this.#buffer.flush();
    this.#file.put(bytes);
  }

  close(): void {
    this.#buffer.flush();
    this.#file.close();
  }

  discard(): void {
    this.#buffer.discard();
    this.#file.discard();
  }
}

/** Compresses what goes into another output: piece by piece, each a member of the file. */
export class GzipOutput implements ClosableOutput {
  readonly #to: ClosableOutput;
  #pending = '';

  constructor(to: ClosableOutput) {
    this.#to = to;
  }

  write(text: string): void {
    this.#pending += text;
    if (this.#pending.length > BUFFER_CHARACTERS) this.#flush();
  }

  writeBytes(bytes: Buffer): void {
    this.#flush();
    this.#to.writeBytes(gzipSync(bytes));
  }

  close(): void {
    this.#flush();
    this.#to.close();
  }

  discard(): void {
    this.#pending = '';
    this.#to.discard();
  }

  #flush(): void {
    const text = this.#pending;
    this.#pending = '';
    if (text !== '') this.#to.writeBytes(gzipSync(text));
  }
}

/** True when both paths exist and lead to one file. */
export function isSameFile(a: string, b: string): boolean {
  return existsSync(a) && existsSync(b) && realpathSync(a) === realpathSync(b);
}
