/** A kernel release, as far as recipes tell kernels apart. */
export interface Release {
  readonly major: number;
  readonly minor: number;
}

/** What `uname -r` prints, or its beginning, such as `6.12`, `v6.12` or `6.12.117-arm64`; null for anything else. */
export function parseRelease(text: string): Release | null {
  const match = /^v?(\d{1,3})\.(\d{1,3})(?:[.+-][\w.+~-]*)?$/.exec(text.trim());
  return match === null ? null : { major: Number(match[1]), minor: Number(match[2]) };
}

/** Whether `a` came out before `b`. */
export function isBefore(a: Release, b: Release): boolean {
  return a.major === b.major ? a.minor < b.minor : a.major < b.major;
}

/** `6.12`. */
export function releaseText({ major, minor }: Release): string {
  return `${major}.${minor}`;
}

/** The engine got `map_pages` and `unmap_pages` here (io-pgtable-arm.c); before, each call was for one page. */
export const FIRST_PROBED: Release = { major: 5, minor: 15 };
/** `struct io_pgtable_cfg` got the callbacks `alloc` and `free` here, in front of the registers' values. */
export const FIRST_WITH_CALLBACKS: Release = { major: 6, minor: 8 };
/** The events `dma:*` came here. */
export const FIRST_WITH_DMA_EVENTS: Release = { major: 6, minor: 12 };
/** The newest kernel whose structures were compared with the probes. */
export const NEWEST_CHECKED: Release = { major: 7, minor: 2 };
