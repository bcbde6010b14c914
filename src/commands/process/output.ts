import { existsSync, realpathSync, writeSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import type { TextOutput } from '../../base/text-output.ts';
import { ClosedPipe } from './closed-pipe.ts';
import { cannotWrite } from './fs-errors.ts';
import type { OutputStream } from './io.ts';
import { WholeFile } from './whole-file.ts';

const BUFFER_CHARACTERS = 256 * 1024;

/** An output that must be closed. */
export interface ClosableOutput extends TextOutput {
  /** Writes bytes of UTF-8 text, which are used during the call only. */
  writeBytes(bytes: Buffer): void;
  /** Makes everything written so far final. */
  close(): void;
  /** Leaves no trace of the output. */
  discard(): void;
}

const RETRY_MS = 2;
const pause = new Int32Array(new SharedArrayBuffer(4));

/**
 * Standard output. Large outputs are written to its descriptor at once: a stream would keep all that a slow reader has not
 * taken yet. Throws ClosedPipe when the reader has gone, and an environment error when nothing can be written.
 */
export class StreamOutput implements ClosableOutput {
  readonly #stream: OutputStream;
  #pending = '';

  constructor(stream: OutputStream) {
    this.#stream = stream;
  }

  write(text: string): void {
    this.#pending += text;
    if (this.#pending.length > BUFFER_CHARACTERS) this.#flush();
  }

  writeBytes(bytes: Buffer): void {
    this.#flush();
    const { fd } = this.#stream;
    if (fd === undefined || this.#stream.isTTY === true) this.#stream.write(bytes.toString('utf8'));
    else writeAll(fd, bytes);
  }

  close(): void {
    this.#flush();
  }

  discard(): void {
    this.#pending = '';
  }

  #flush(): void {
    const text = this.#pending;
    this.#pending = '';
    if (text === '') return;
    const { fd } = this.#stream;
    if (fd === undefined || this.#stream.isTTY === true) this.#stream.write(text);
    else writeAll(fd, Buffer.from(text));
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
  #pending = '';

  /** Opens at once, so that a bad path fails before the long run. */
  constructor(path: string) {
    this.#file = new WholeFile(path);
  }

  write(text: string): void {
    this.#pending += text;
    if (this.#pending.length > BUFFER_CHARACTERS) this.#flush();
  }

  writeBytes(bytes: Buffer): void {
    this.#flush();
    this.#file.put(bytes);
  }

  close(): void {
    this.#flush();
    this.#file.close();
  }

  discard(): void {
    this.#pending = '';
    this.#file.discard();
  }

  #flush(): void {
    const text = this.#pending;
    this.#pending = '';
    if (text !== '') this.#file.put(Buffer.from(text));
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
