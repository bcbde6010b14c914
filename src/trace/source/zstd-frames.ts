import { Decompress } from 'fzstd';
import xxhash, { type XXHash, type XXHashAPI } from 'xxhash-wasm';
import { checkLiterals } from './zstd-literals.ts';

/*
 * fzstd decompresses blocks but checks no checksum, so damage would pass unseen. This walks the frames (RFC 8878, section
 * 3.1), hands fzstd one frame after another, and compares what comes out with the checksum behind it.
 */

const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a5;
const BLOCK_HEADER = 3;
const LAST_BLOCK = 1;
const RLE = 1;
const COMPRESSED = 2;
/** What the zstd program takes by itself; a damaged header may ask for terabytes. */
const LARGEST_WINDOW_EXPONENT = 27;

type State = 'frame' | 'block' | 'skip';

/** Decompresses a stream that comes in pieces. Throws Error; what was decompressed before has been handed over then. */
export class ZstdFrames {
  readonly #give: (bytes: Uint8Array) => void;
  #pending = Buffer.alloc(0);
  #state: State = 'frame';
  #toSkip = 0;
  #inflate: Decompress | null = null;
  /** Null when the frame has no checksum. */
  #hash: XXHash<bigint> | null = null;
  readonly #hashes: XXHashAPI;

  private constructor(hashes: XXHashAPI, give: (bytes: Uint8Array) => void) {
    this.#hashes = hashes;
    this.#give = give;
  }

  /** `give` takes each piece of decompressed bytes, in order. */
  static async create(give: (bytes: Uint8Array) => void): Promise<ZstdFrames> {
    return new ZstdFrames(await xxhash(), give);
  }

  /**
   * Takes the next bytes; they may be reused afterwards. Each step makes 128 KiB at most, which are to be used before the next:
   * a thousand bytes may come to 32 MiB.
   */
  *push(chunk: Uint8Array): Generator<void, void> {
    const bytes = Buffer.concat([this.#pending, chunk]);
    let at = 0;
    for (let taken = -1; taken !== 0 && at < bytes.length; at += taken) {
      taken = this.#step(bytes.subarray(at));
      yield;
    }
    this.#pending = bytes.subarray(at);
  }

  finish(): void {
    if (this.#state !== 'frame' || this.#pending.length > 0) throw new Error('unexpected end');
  }

  /** Uses up a header, a block or bytes to skip; 0 when more must come first. */
  #step(bytes: Buffer): number {
    if (this.#state === 'skip') return this.#skip(bytes);
    return this.#state === 'frame' ? this.#frame(bytes) : this.#block(bytes);
  }

  #skip(bytes: Buffer): number {
    const taken = Math.min(bytes.length, this.#toSkip);
    this.#toSkip -= taken;
    if (this.#toSkip === 0) this.#state = 'frame';
    return taken;
  }

  #frame(bytes: Buffer): number {
    if (bytes.length < 8) return 0;
    const magic = bytes.readUInt32LE(0);
    if (magic >>> 4 === SKIPPABLE) {
      this.#toSkip = bytes.readUInt32LE(4);
      this.#state = this.#toSkip === 0 ? 'frame' : 'skip';
      return 8;
    }
    if (magic !== MAGIC) throw new Error('no frame where one must begin');
    const descriptor = bytes[4];
    const single = (descriptor >> 5) & 1;
    const contentFlag = descriptor >> 6;
    const length = 5 + 1 - single + [0, 1, 2, 4][descriptor & 3] + (contentFlag === 0 ? single : 2 ** contentFlag);
    if (bytes.length < length) return 0;
    if (single === 0 && 10 + (bytes[5] >> 3) > LARGEST_WINDOW_EXPONENT) throw new Error('a window above 128 MiB');
    const hash = (descriptor & 4) === 0 ? null : this.#hashes.create64();
    this.#hash = hash;
    this.#inflate = new Decompress((out) => {
      if (out.length === 0) return;
      hash?.update(out);
      this.#give(out);
    });
    this.#inflate.push(Uint8Array.from(bytes.subarray(0, length)), false);
    this.#state = 'block';
    return length;
  }

  #block(bytes: Buffer): number {
    if (bytes.length < BLOCK_HEADER) return 0;
    const header = bytes.readUIntLE(0, BLOCK_HEADER);
    const isLast = (header & LAST_BLOCK) !== 0;
    const size = ((header >> 1) & 3) === RLE ? 1 : header >> 3;
    const checksumBytes = isLast && this.#hash !== null ? 4 : 0;
    const length = BLOCK_HEADER + size + checksumBytes;
    if (bytes.length < length) return 0;
    if (((header >> 1) & 3) === COMPRESSED) checkLiterals(bytes, BLOCK_HEADER, BLOCK_HEADER + size);
    this.#inflate?.push(Uint8Array.from(bytes.subarray(0, length)), isLast);
    if (!isLast) return length;
    this.#state = 'frame';
    // The frame keeps the low half of the 64-bit hash.
    if (this.#hash !== null && Number(this.#hash.digest() & 0xffffffffn) !== bytes.readUInt32LE(length - 4)) {
      throw new Error('incorrect data check');
    }
    return length;
  }
}
