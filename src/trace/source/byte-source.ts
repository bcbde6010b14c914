import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** A file whose bytes can be read in any order. */
export interface ByteSource {
  /** Bytes in all. */
  readonly size: number;
  /** A copy of up to `length` bytes from `offset`; fewer where the file ends, none behind it. */
  read(offset: number, length: number): Buffer;
  close(): void;
}

/** An open file, read piece by piece: its size does not matter. */
export function fileBytes(path: string): ByteSource {
  const fd = openSync(path, 'r');
  const { size } = fstatSync(fd);
  return {
    size,
    read: (offset, length) => {
      const wanted = Math.max(0, Math.min(length, size - offset));
      const buffer = Buffer.alloc(wanted);
      let got = 0;
      while (got < wanted) {
        const n = readSync(fd, buffer, got, wanted - got, offset + got);
        if (n === 0) break;
        got += n;
      }
      return buffer.subarray(0, got);
    },
    close: () => closeSync(fd),
  };
}

/** Bytes that are in memory. */
export function memoryBytes(data: Buffer): ByteSource {
  return {
    size: data.length,
    read: (offset, length) => {
      const start = Math.min(Math.max(0, offset), data.length);
      return Buffer.from(data.subarray(start, Math.min(data.length, start + Math.max(0, length))));
    },
    close: () => {},
  };
}
