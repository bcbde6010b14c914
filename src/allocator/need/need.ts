import { LEVELS } from '../../lpae/format/geometry.ts';
import { DEMAND_TABLES, type Demand } from '../demand.ts';

/** Table pages that something needs. Filled anew for each unit. */
export class Need {
  readonly byLevel = new Float64Array(LEVELS);
  pages = 0;
  /** Of these, pages whose level is not known. */
  unplaced = 0;

  clear(): void {
    // Cheaper than a fill, for each operation.
    for (let level = 0; level < LEVELS; level++) this.byLevel[level] = 0;
    this.pages = 0;
    this.unplaced = 0;
  }

  add(level: number, pages: number): void {
    this.byLevel[level] += pages;
    this.pages += pages;
  }

  /** Adds the tables that demands ask for by number. */
  addTables(demands: readonly Demand[]): void {
    for (let i = 0; i < demands.length; i++) {
      if (demands[i].kind !== DEMAND_TABLES) continue;
      this.pages += demands[i].pages;
      this.unplaced += demands[i].pages;
    }
  }
}
