import type * as Memory from '../../src/lpae/table/memory.ts';

/** The module of table memory with an arena that starts small: to reserve the usual one takes longer than a short replay. */
export function smallArena(memory: typeof Memory): typeof Memory {
  class SmallTableMemory extends memory.TableMemory {
    constructor(reserved = 512) {
      super(reserved);
    }
  }
  return { ...memory, TableMemory: SmallTableMemory };
}
