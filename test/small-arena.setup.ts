import { vi } from 'vitest';

/** A replay with few tables takes less time than the arena that it usually reserves, whose pages the collector must find again. */
const UNITS = 64;

// It grows where a test needs more; what is built, and what is spawned in tests, starts with the usual one.
vi.mock('../src/lpae/table/memory.ts', async (original) => {
  const memory = await original<typeof import('../src/lpae/table/memory.ts')>();
  class SmallTableMemory extends memory.TableMemory {
    constructor(reserved = UNITS, sharers?: number) {
      super(reserved, sharers);
    }
  }
  return { ...memory, TableMemory: SmallTableMemory };
});
