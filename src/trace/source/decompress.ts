import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { inputError, PgtraceError } from '../../base/errors.ts';

/** Larger than the library's default of 16 KiB: more than twice as fast. */
const OUTPUT_CHUNK = 256 * 1024;
/** Decompressed bytes held at most while the reader is busy. */
const HIGH_WATER = 4 * 1024 * 1024;

type Chunks = AsyncGenerator<Uint8Array>;
/** Told of damage before the last bytes before it are given: they may be wrong already. */
type OnDamage = (error: PgtraceError) => void;

/** Compressed bytes kept to decompress them once more, in small steps, up to a fault. */
const KEPT_BYTES = 1024 * 1024;
const SMALL_STEP = 64;

/**
 * Decompresses gzip, members one after another. A damaged or cut stream gives its good bytes, then an input error.
 * The decompressor forgets what it made of the write that met the fault; short inputs are read again in small steps for
 * that, of long ones up to OUTPUT_CHUNK bytes before the fault are lost.
 */
export async function* gunzip(compressed: Chunks, name: string, onDamage: OnDamage): Chunks {
  const kept: Buffer[] = [];
  let keptBytes = 0;
  let given = 0;
  const keep = async function* (): Chunks {
    for await (const chunk of compressed) {
      keptBytes += chunk.length;
      if (keptBytes <= KEPT_BYTES) kept.push(Buffer.from(chunk));
      yield chunk;
    }
  };
  const create = (): Transform => zlib.createGunzip({ chunkSize: OUTPUT_CHUNK });
  try {
    for await (const chunk of pump(create(), keep(), name, 'gzip')) {
      given += chunk.length;
      yield chunk;
    }
  } catch (error) {
    if (keptBytes > KEPT_BYTES || !(error instanceof PgtraceError)) throw error;
    onDamage(error);
    try {
      for await (const chunk of pump(create(), steps(Buffer.concat(kept)), name, 'gzip')) {
        const skip = Math.min(given, chunk.length);
        given -= skip;
        if (skip < chunk.length) yield chunk.subarray(skip);
      }
    } catch (again) {
      if (!(again instanceof PgtraceError)) throw again;
    }
    throw error;
  }
}

async function* steps(bytes: Buffer): Chunks {
  for (let at = 0; at < bytes.length; at += SMALL_STEP) yield bytes.subarray(at, at + SMALL_STEP);
}

/** Decompresses zstd: with Node's own decoder where there is one (22.15), else in JavaScript. */
export function unzstd(compressed: Chunks, name: string): Chunks {
  const native = (zlib as { createZstdDecompress?: (options: object) => Transform }).createZstdDecompress;
  if (native !== undefined) return pump(native({ chunkSize: OUTPUT_CHUNK }), compressed, name, 'zstd');
  return unzstdPortable(compressed, name);
}

/** Waits until a stream takes more, or is gone; leaves no listener behind, as a race of `once` would. */
function drained(stream: Transform): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.on('drain', done);
    stream.on('close', done);
  });
}

async function* pump(inflate: Transform, compressed: Chunks, name: string, kind: string): Chunks {
  const ready: Uint8Array[] = [];
  let held = 0;
  let ended = false;
  let failure: unknown = null;
  let wake: () => void = () => {};
  inflate.on('data', (chunk: Uint8Array) => {
    ready.push(chunk);
    held += chunk.length;
    if (held > HIGH_WATER) inflate.pause();
    wake();
  });
  inflate.on('end', () => {
    ended = true;
    wake();
  });
  inflate.on('error', (error) => {
    failure ??= damaged(error, name, kind);
    wake();
  });
  const feed = async (): Promise<void> => {
    try {
      for await (const chunk of compressed) {
        if (failure !== null || inflate.destroyed) return;
        // The chunk is reused by its source, the decompressor keeps it: copy.
        if (!inflate.write(Buffer.from(chunk))) await drained(inflate);
      }
      inflate.end();
    } catch (error) {
      failure ??= inflate.errored === null ? error : damaged(inflate.errored as Error, name, kind);
      wake();
    }
  };
  const feeding = feed();
  try {
    for (;;) {
      const chunk = ready.shift();
      if (chunk !== undefined) {
        held -= chunk.length;
        if (inflate.isPaused() && held < HIGH_WATER / 2) inflate.resume();
        yield chunk;
      } else if (failure !== null) throw failure;
      else if (ended) return;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    inflate.destroy();
    await feeding;
  }
}

async function* unzstdPortable(compressed: Chunks, name: string): Chunks {
  const { ZstdFrames } = await import('./zstd-frames.ts');
  const ready: Uint8Array[] = [];
  const frames = await ZstdFrames.create((bytes) => ready.push(bytes));
  for await (const chunk of compressed) {
    const steps = frames.push(chunk);
    for (let isDone = false; !isDone; ) {
      let failure: Error | null = null;
      try {
        isDone = steps.next().done === true;
      } catch (error) {
        failure = damaged(error as Error, name, 'zstd');
      }
      yield* ready.splice(0);
      if (failure !== null) throw failure;
    }
  }
  try {
    frames.finish();
  } catch (error) {
    throw damaged(error as Error, name, 'zstd');
  }
}

function damaged(error: Error, name: string, kind: string): Error {
  const cut = /unexpected end|unexpected EOF/i.test(error.message);
  return inputError(
    cut
      ? `the ${kind} data ends too early; the file is cut off. Copy it again`
      : `the ${kind} data is damaged (${error.message}). Copy it again`,
    { file: name, line: 0, column: 0 },
  );
}
