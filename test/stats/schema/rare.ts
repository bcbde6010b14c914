/** A replay that brings out keys that few traces have. */
export interface RareRun {
  readonly name: string;
  readonly events: readonly object[];
  readonly args: readonly string[];
}

export const RARE: readonly RareRun[] = [];
