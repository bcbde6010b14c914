/** 64-bit FNV-1a over bytes, in four 16-bit limbs: no bigint, and each product stays below 2^53. */
export class Fnv1a64 {
  // 0xcbf29ce484222325, least significant limb first
  #a = 0x2325;
  #b = 0x8422;
  #c = 0x9ce4;
  #d = 0xcbf2;

  /** Feeds the characters of an ASCII text. */
  update(text: string): void {
    let a = this.#a;
    let b = this.#b;
    let c = this.#c;
    let d = this.#d;
    for (let i = 0; i < text.length; i++) {
      a ^= text.charCodeAt(i) & 0xff;
      // multiply by the prime 2^40 + 0x1b3
      const d0 = d * 0x1b3 + (b << 8);
      const c0 = c * 0x1b3 + (a << 8);
      const b0 = b * 0x1b3;
      const a0 = a * 0x1b3;
      a = a0 & 0xffff;
      const b1 = b0 + Math.floor(a0 / 65536);
      b = b1 & 0xffff;
      const c1 = c0 + Math.floor(b1 / 65536);
      c = c1 & 0xffff;
      d = (d0 + Math.floor(c1 / 65536)) & 0xffff;
    }
    this.#a = a;
    this.#b = b;
    this.#c = c;
    this.#d = d;
  }

  /** Sixteen hex digits. */
  digest(): string {
    return [this.#d, this.#c, this.#b, this.#a].map((limb) => limb.toString(16).padStart(4, '0')).join('');
  }
}
