/** Receives the commands a policy issues, when somebody wants to see each. */
export interface CommandLog {
  /** Per-address invalidation: `leaf` 0 or 1; `num` and `scale` as encoded (0 without range invalidation); `ttl` level hint. */
  tlbiAddress(hi: number, lo: number, leaf: number, num: number, scale: number, ttl: number): void;
  /** `count` per-address commands, `step` bytes apart. */
  tlbiEach(hi: number, lo: number, leaf: number, step: number, count: number): void;
  /** Whole-context invalidation. */
  tlbiAll(): void;
  /** A command by its name: without an address, or about `size` bytes from one. */
  command(name: string): void;
  addressed(name: string, hi: number, lo: number, size: number): void;
  commandSync(): void;
}
