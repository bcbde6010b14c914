/** Puts numbers together to bytes of either order. */
export class ByteWriter {
  readonly #bigEndian: boolean;
  readonly #parts: Buffer[] = [];
  length = 0;

  constructor(bigEndian: boolean) {
    this.#bigEndian = bigEndian;
  }

  u8(...values: number[]): this {
    return this.bytes(Buffer.from(values));
  }

  u16(...values: number[]): this {
    for (const value of values) this.#number(2, BigInt(value));
    return this;
  }

  u32(...values: number[]): this {
    for (const value of values) this.#number(4, BigInt(value));
    return this;
  }

  u64(...values: (number | bigint)[]): this {
    for (const value of values) this.#number(8, BigInt(value));
    return this;
  }

  /** Text with its NUL. */
  text(value: string): this {
    return this.bytes(Buffer.from(`${value}\0`, 'latin1'));
  }

  bytes(value: Buffer): this {
    this.#parts.push(value);
    this.length += value.length;
    return this;
  }

  /** Zeros up to a multiple of 8. */
  align(): this {
    return this.bytes(Buffer.alloc((8 - (this.length % 8)) % 8));
  }

  done(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #number(size: number, value: bigint): void {
    const buffer = Buffer.alloc(8);
    if (this.#bigEndian) {
      buffer.writeBigUInt64BE(BigInt.asUintN(size * 8, value));
      this.bytes(buffer.subarray(8 - size));
    } else {
      buffer.writeBigUInt64LE(BigInt.asUintN(size * 8, value));
      this.bytes(buffer.subarray(0, size));
    }
  }
}
