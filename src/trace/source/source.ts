import { constants, type FileHandle, open, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { environmentError, inputError, type PgtraceError, usageError } from '../../base/errors.ts';
import { gunzip, unzstd } from './decompress.ts';
import { decompressesToMore } from './decompressed-limit.ts';

const READ_BYTES = 1024 * 1024;

type Chunks = AsyncGenerator<Uint8Array>;

/** A stream of bytes with a name: a file, standard input, either of them compressed. */
export interface Source {
  /** For messages: the path as given, or `<stdin>`. */
  readonly name: string;
  /** Compressed size in bytes when known, for progress. */
  readonly size: number | null;
  /** Path of a plain file whose bytes can be read in any order; null for what comes as a stream. */
  readonly path: string | null;
  /** True once the first bytes have shown that they are compressed. */
  readonly compressed: () => boolean;
  /** Compressed bytes read so far. */
  readonly position: () => number;
  /**
   * The decompressed bytes. A chunk is valid until the next is asked for. Damage in the compressed data is thrown as an
   * input error after everything before it has been given.
   */
  chunks(): AsyncGenerator<Uint8Array>;
  /** Damage that has been met in the compressed data, perhaps before it is thrown: then chunks hold what precedes it. */
  readonly damage: () => PgtraceError | null;
  /** Gives up a source whose chunks nobody has asked for; one that was read closes by itself. */
  close(): Promise<void>;
}

/**
 * Opens a path, or `-` for `stdin`. Compression is told from the bytes, not from the name.
 * @param most - bytes that compressed input may come to; beyond them its chunks end with an input error. Null: any number
 */
export async function openSource(
  path: string,
  stdin: Readable & { isTTY?: boolean },
  readBytes = READ_BYTES,
  most: number | null = null,
): Promise<Source> {
  let position = 0;
  let damage: PgtraceError | null = null;
  let compressed = false;
  const onCompressed = (): void => {
    compressed = true;
  };
  const onDamage = (error: PgtraceError): void => {
    damage = error;
  };
  const within = (all: Chunks, name: string): Chunks => (most === null ? all : upTo(most, all, name, onDamage));
  const count = (chunk: Uint8Array): Uint8Array => {
    position += chunk.length;
    return chunk;
  };
  if (path === '-') {
    if (stdin.isTTY === true) throw usageError('standard input is a terminal; pipe a trace into it or name a file');
    return {
      name: '<stdin>',
      size: null,
      path: null,
      compressed: () => compressed,
      position: () => position,
      chunks: () => decompressed(streamChunks(stdin, count), '<stdin>', onDamage, onCompressed, within),
      damage: () => damage,
      close: async () => {},
    };
  }
  const handle = await openFile(path);
  const info = await handle.stat();
  let begun = false;
  return {
    name: path,
    size: info.size,
    path: info.isFile() ? path : null,
    compressed: () => compressed,
    position: () => position,
    chunks: () => {
      begun = true;
      return decompressed(fileChunks(handle, path, count, readBytes), path, onDamage, onCompressed, within);
    },
    damage: () => damage,
    close: async () => {
      if (!begun) await handle.close();
      begun = true;
    },
  };
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    const info = await stat(path);
    if (info.isDirectory()) throw usageError(`${path} is a directory; name a trace file`);
    return await open(path, constants.O_RDONLY);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') throw environmentError(`${path}: no such file`);
    if (code === 'EACCES' || code === 'EPERM') throw environmentError(`${path}: permission denied`);
    if (code !== undefined) throw environmentError(`${path}: cannot open (${code})`);
    throw error;
  }
}

/** Reads ahead by one buffer, so that the disk works while a chunk is being used. */
async function* fileChunks(
  handle: FileHandle,
  path: string,
  count: (chunk: Uint8Array) => Uint8Array,
  readBytes: number,
): AsyncGenerator<Uint8Array> {
  const buffers = [Buffer.allocUnsafe(readBytes), Buffer.allocUnsafe(readBytes)];
  let turn = 0;
  const read = () => handle.read(buffers[turn], 0, readBytes, null);
  let pending: ReturnType<typeof read> | null = read();
  try {
    for (;;) {
      const { bytesRead, buffer } = await pending;
      pending = null;
      if (bytesRead === 0) return;
      turn ^= 1;
      pending = read();
      yield count(buffer.subarray(0, bytesRead));
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== undefined && (error as NodeJS.ErrnoException).syscall === 'read') {
      throw environmentError(`${path}: cannot read (${code})`);
    }
    throw error;
  } finally {
    await pending?.catch(() => {});
    await handle.close();
  }
}

async function* streamChunks(stream: Readable, count: (chunk: Uint8Array) => Uint8Array): AsyncGenerator<Uint8Array> {
  try {
    try {
      for await (const chunk of stream)
        yield count(typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Uint8Array));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== undefined && (error as NodeJS.ErrnoException).syscall !== undefined) {
        throw environmentError(`<stdin>: cannot read (${code})`);
      }
      throw error;
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined) throw error;
    throw environmentError(`<stdin>: cannot read (${code})`);
  }
}

async function* decompressed(
  raw: AsyncGenerator<Uint8Array>,
  name: string,
  onDamage: (error: PgtraceError) => void,
  onCompressed: () => void,
  within: (all: Chunks, name: string) => Chunks,
): AsyncGenerator<Uint8Array> {
  try {
    const first = await raw.next();
    if (first.done === true) return;
    let head = Buffer.from(first.value);
    while (head.length < 4) {
      const more = await raw.next();
      if (more.done === true) break;
      head = Buffer.concat([head, more.value]);
    }
    const all = prepend(head, raw);
    const magic = head.toString('latin1', 0, 5);
    if (magic.startsWith('\x1f\x8b') || isZstd(head)) onCompressed();
    if (magic.startsWith('\x1f\x8b')) yield* within(gunzip(all, name, onDamage), name);
    else if (isZstd(head)) yield* within(unzstd(all, name), name);
    else if (magic.startsWith('BZh') || magic === '\xfd7zXZ') {
      throw inputError('bzip2 and xz files are not read; decompress it first, or recompress it with gzip or zstd', {
        file: name,
        line: 0,
        column: 0,
      });
    } else yield* all;
  } finally {
    // The file is closed even if nobody got as far as reading it.
    await raw.return(undefined);
  }
}

/** The first `most` bytes, and an error in place of any more. */
async function* upTo(most: number, chunks: Chunks, name: string, onEnd: (error: PgtraceError) => void): Chunks {
  let left = most;
  for await (const chunk of chunks) {
    if (chunk.length > left) {
      const error = decompressesToMore(name, most);
      onEnd(error);
      if (left > 0) yield chunk.subarray(0, left);
      throw error;
    }
    left -= chunk.length;
    yield chunk;
  }
}

/** A zstd frame, or one that is to be skipped: parallel compressors begin with one. */
function isZstd(head: Buffer): boolean {
  if (head.length < 4) return false;
  const magic = head.readUInt32LE(0);
  return magic === 0xfd2fb528 || magic >>> 4 === 0x184d2a5;
}

async function* prepend(head: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield head;
  yield* rest;
}
