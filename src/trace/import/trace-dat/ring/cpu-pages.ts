import type { ByteSource } from '../../../source/byte-source.ts';
import type { DecompressedBytes } from '../../../source/decompressed-limit.ts';
import { u32 } from '../../binary/event-fields.ts';
import type { CpuSpan } from '../options.ts';
import { type Compression, decompressBlock, LARGEST_BLOCK } from './decompress-block.ts';

/** Pages that lie in the file as they are come a few at a time, however long the recording is. */
const READ_AHEAD = 65536;

const NOTHING: Buffer = Buffer.alloc(0);

/** Why the pages of a CPU cannot be read on, for people: completes "the data of CPU 1 ...". */
export class PageDamage extends Error {}

/** A page of a ring buffer, in `bytes[start..end)`. */
export interface Page {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** The file ends before the page does. */
  readonly isCut: boolean;
  /** Where it is in the file, for people; pages of a compressed block are where the block is. */
  readonly place: string;
}

/** The pages of one CPU in the order of time. */
export interface CpuPages {
  /** Null behind the last. Throws PageDamage. */
  next(): Page | null;
}

/** Pages that lie in the file as they are. */
export class PlainPages implements CpuPages {
  readonly #bytes: ByteSource;
  readonly #span: CpuSpan;
  readonly #pageSize: number;
  #at = 0;
  #window: Buffer = Buffer.alloc(0);
  #windowAt = 0;

  constructor(bytes: ByteSource, span: CpuSpan, pageSize: number) {
    this.#bytes = bytes;
    this.#span = span;
    this.#pageSize = pageSize;
  }

  next(): Page | null {
    const { offset, size } = this.#span;
    const length = Math.min(this.#pageSize, size - this.#at);
    if (length <= 0) return null;
    if (this.#at + length > this.#windowAt + this.#window.length) {
      const ahead = Math.max(1, Math.floor(READ_AHEAD / this.#pageSize)) * this.#pageSize;
      this.#window = this.#bytes.read(offset + this.#at, Math.min(ahead, size - this.#at));
      this.#windowAt = this.#at;
    }
    const start = this.#at - this.#windowAt;
    const end = Math.min(start + length, this.#window.length);
    if (end <= start) throw new PageDamage('is cut off');
    const place = `byte ${offset + this.#at}`;
    this.#at += length;
    return { bytes: this.#window, start, end, isCut: end < start + length, place };
  }
}

/** Pages in compressed blocks: their number, then for each its packed and its full size and the packed bytes. */
export class PackedPages implements CpuPages {
  readonly #bytes: ByteSource;
  readonly #pageSize: number;
  readonly #compression: Compression;
  readonly #bigEndian: boolean;
  readonly #decompressed: DecompressedBytes;
  /** Byte of the file that comes next. */
  #at: number;
  /** Blocks that are left; -1 before their number was read. */
  #blocks = -1;
  #block = NOTHING;
  #inBlock = 0;
  #place = '';

  constructor(
    bytes: ByteSource,
    span: CpuSpan,
    pageSize: number,
    compression: Compression,
    bigEndian: boolean,
    decompressed: DecompressedBytes,
  ) {
    this.#bytes = bytes;
    this.#at = span.offset;
    this.#pageSize = pageSize;
    this.#compression = compression;
    this.#bigEndian = bigEndian;
    this.#decompressed = decompressed;
  }

  next(): Page | null {
    if (this.#blocks < 0) this.#blocks = u32(this.#take(4), 0, this.#bigEndian);
    while (this.#inBlock >= this.#block.length) {
      if (this.#blocks === 0) return null;
      this.#blocks--;
      this.#nextBlock();
    }
    const start = this.#inBlock;
    const end = Math.min(start + this.#pageSize, this.#block.length);
    this.#inBlock = end;
    return { bytes: this.#block, start, end, isCut: false, place: this.#place };
  }

  #nextBlock(): void {
    this.#place = `the block at byte ${this.#at}`;
    const sizes = this.#take(8);
    const packedSize = u32(sizes, 0, this.#bigEndian);
    const fullSize = u32(sizes, 4, this.#bigEndian);
    if (packedSize > LARGEST_BLOCK) {
      throw new PageDamage(`is damaged in ${this.#place}: it announces ${packedSize} bytes`);
    }
    const packed = this.#take(packedSize);
    // What announces more is damage, and is not decompressed.
    if (fullSize <= LARGEST_BLOCK) this.#decompressed.add(fullSize, this.#block.length);
    this.#block = NOTHING;
    try {
      this.#block = decompressBlock(packed, fullSize, this.#compression);
    } catch (error) {
      throw new PageDamage(`is damaged in ${this.#place}: ${error instanceof Error ? error.message : String(error)}`);
    }
    this.#inBlock = 0;
  }

  #take(length: number): Buffer {
    const taken = this.#bytes.read(this.#at, length);
    if (taken.length < length) throw new PageDamage('is cut off');
    this.#at += length;
    return taken;
  }
}
