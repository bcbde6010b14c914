/** What a page held when it ceased to be a table: how much, and of a last-level table the descriptors themselves. */
export interface Contents {
  readonly live: number;
  readonly lo: Uint32Array | null;
  readonly hi: Uint32Array | null;
}

/** The page of the start table. No other page ever has this token. */
export const START_TOKEN = 0;

/** Names of the pages of a run, and what those hold that nobody zeroed. */
export class PageNames {
  readonly contents = new Map<number, Contents>();
  readonly #freeTokens: number[] = [];
  #lastToken = START_TOKEN;

  newToken(): number {
    return this.#freeTokens.pop() ?? ++this.#lastToken;
  }

  /** The page `token` is gone, and what it held with it. */
  dropToken(token: number): void {
    this.contents.delete(token);
    this.#freeTokens.push(token);
  }
}
