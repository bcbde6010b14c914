/** What trees of address spaces came to over a run. Pages are those of the space that is referred to. */
export class NestTally {
  /** Maps of children, and the stretches of memory that they were made of. */
  childMaps = 0;
  pieces = 0;
  /** Pages of children that nobody pinned or accounted, since their root had. */
  pinsAvoided = 0;
  references = 0;
  referencesPeak = 0;
  /** Most references to one page. */
  referencesMost = 0;
  /** Unmaps of parents, and maps of a block over a table, that were refused; and those that took maps from children. */
  parentBusy = 0;
  revocations = 0;
  revokedBytes = 0;
  /** Commands that invalidations of parents need since hardware walks children, too. */
  extraCommands = 0;

  referenced(pages: number): void {
    this.references += pages;
    this.referencesPeak = Math.max(this.referencesPeak, this.references);
  }
}
