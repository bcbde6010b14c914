import { inflateSync } from 'node:zlib';
import { Decompress } from 'fzstd';
import { checkZstd } from './zstd-check.ts';

/** What trace-cmd compresses with; the names are those in its files. */
export const COMPRESSIONS = ['none', 'zlib', 'zstd'] as const;
export type Compression = (typeof COMPRESSIONS)[number];

/** More than trace-cmd puts into one block; what announces more is damage. */
export const LARGEST_BLOCK = 1 << 26;

/** Decompresses a block that holds `size` bytes. Throws Error when it does not. */
export function decompressBlock(packed: Buffer, size: number, compression: Compression): Buffer {
  if (size > LARGEST_BLOCK) throw new Error(`it announces ${size} bytes`);
  if (compression === 'none') throw new Error('the file announces no compression');
  const full = compression === 'zlib' ? inflate(packed, size) : unpackZstd(packed, size);
  if (full.length !== size) throw new Error(`it holds ${full.length} bytes and announces ${size}`);
  return full;
}

function inflate(packed: Buffer, size: number): Buffer {
  try {
    return inflateSync(packed, { maxOutputLength: Math.max(1, size) });
  } catch {
    throw new Error('its zlib data is damaged');
  }
}

function unpackZstd(packed: Buffer, size: number): Buffer {
  checkZstd(packed, size);
  const full = Buffer.alloc(size);
  let length = 0;
  try {
    const unpack = new Decompress((piece) => {
      if (length + piece.length > size) throw new Error('longer than announced');
      full.set(piece, length);
      length += piece.length;
    });
    unpack.push(packed, true);
  } catch {
    throw new Error('its zstd data is damaged');
  }
  return full.subarray(0, length);
}
