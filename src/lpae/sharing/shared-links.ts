/**
 * How many entries point to each table that more than one points to. Entries are counted over all physical tables: those
 * of a table that is shared itself count once, not once per address that they stand for. Tables that are not in here have
 * one entry that points to them.
 *
 * What makes this safe: a table reached through a shared entry is mapped from end to end and never changes. Whoever wants
 * to change what it maps copies the way to it first (copy-on-write), so that the change is seen at one address only.
 */
export class SharedLinks {
  readonly #links = new Map<number, number>();
  /** Tables that sharing saved: those that would have been made without it. */
  tablesSaved = 0;
  /** Entries written by shared maps, leaves and links. */
  entriesWritten = 0;
  /** Tables copied since what they map was to change in one place, and operations that ended since a copy was not to be had. */
  copies = 0;
  copiesFailed = 0;
  /** Copied since a reservation pins them. */
  copiesForPins = 0;
  /** Addresses that were reported dirty, each since hardware wrote there or at another that the same leaf stands for. */
  dirtyAmbiguous = 0;
  /** Links that went with the leaves of a pinned table above. */
  unlinkedUnderPins = 0;
  /** Pages put by for copies: how many were, and how many of them became copies. */
  reserved = 0;
  reservedUsed = 0;

  /** Tables that more than one entry points to. */
  get tables(): number {
    return this.#links.size;
  }

  /** Entries that point to them. */
  get links(): number {
    let sum = 0;
    for (const links of this.#links.values()) sum += links;
    return sum;
  }

  /** Entries that point to the table at `slot`, at least 1 for a table in the tree. */
  of(slot: number): number {
    return this.#links.get(slot) ?? 1;
  }

  isShared(slot: number): boolean {
    return this.#links.has(slot);
  }

  /** So many more entries point to a table that one points to already. */
  add(slot: number, links = 1): void {
    this.#links.set(slot, this.of(slot) + links);
  }

  /** One entry points to it no more; false when none would be left, and then nothing has changed. */
  drop(slot: number): boolean {
    const links = this.#links.get(slot);
    if (links === undefined) return false;
    if (links === 2) this.#links.delete(slot);
    else this.#links.set(slot, links - 1);
    return true;
  }
}
