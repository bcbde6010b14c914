/** Whoever looks on at the maps and unmaps that a job consists of; see observer.ts. */
export interface PartObservers {
  /** One begins, of `size` bytes from an address, for the event `seq` on a line of the input. */
  beganPart(space: object, kind: 'map' | 'unmap', start: number, size: number, seq: number, line: number): void;
  /** It has ended with an errno, or 0 and the bytes mapped or unmapped. */
  ended(space: object, ret: number, bytes: number): void;
}
