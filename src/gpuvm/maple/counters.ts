import { heldFor, NODE_BYTES } from './geometry.ts';
import { STORE_TYPES } from './requests.ts';

/** What one rule of preallocation asks for, over all stores; nodes. */
export class RequestCounters {
  requested = 0;
  /** Largest request of one store. */
  largest = 0;
  /** Nodes held because sheaves come filled; and by one store at most. */
  held = 0;
  largestHeld = 0;
  /** Stores that took more nodes than the rule asks for. */
  shortfalls = 0;

  add(request: number, used: number): void {
    const held = heldFor(request);
    this.requested += request;
    this.held += held;
    if (request > this.largest) this.largest = request;
    if (held > this.largestHeld) this.largestHeld = held;
    if (used > request) this.shortfalls++;
  }
}

/** Counters of a maple tree. */
export class MapleCounters {
  /** Stores and erasures, all and by StoreType. */
  stores = 0;
  readonly byType = new Float64Array(STORE_TYPES.length);
  /** Nodes that stores really took; what a rule requested beyond it is waste. */
  used = 0;
  largestUsed = 0;
  /** Nodes in the tree, and the most there were, with those that a store had built and not yet replaced. */
  nodes = 0;
  nodesPeak = 0;
  height = 0;
  heightPeak = 0;
  /** By the type of the store (7.1), by the height (up to 6.5), by the series of 6.6, for any later state (proposed). */
  readonly byStore = new RequestCounters();
  readonly byHeight = new RequestCounters();
  readonly bySeries = new RequestCounters();
  readonly worstCase = new RequestCounters();

  /** Bytes of the nodes in the tree, and at the peak. */
  get bytes(): number {
    return this.nodes * NODE_BYTES;
  }

  get bytesPeak(): number {
    return this.nodesPeak * NODE_BYTES;
  }
}
