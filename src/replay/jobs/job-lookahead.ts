import { Batch, copyEvent } from '../../trace/batch.ts';

/** Batches held back at most while nobody knows whether an `exec` will come: about a quarter of a million events. */
const BATCHES_HELD = 32;

/**
 * Finds out whether a trace says itself when its asynchronous jobs run. From the first such job on batches are held back
 * until an `exec` or `cleanup` is met, the trace ends, or too many are waiting.
 */
export class JobLookahead {
  /** The trace has events that run jobs; null while that is open. */
  explicit: boolean | null = null;
  #held: Batch[] = [];

  /** Batches that can be replayed now that `batch` has come; it may be held back itself. */
  take(batch: Batch): readonly Batch[] {
    if (this.explicit !== null) return [batch];
    const saysWhen = hasExec(batch);
    if (this.#held.length === 0 && !saysWhen && !hasAsyncBind(batch)) return [batch];
    if (!saysWhen && this.#held.length < BATCHES_HELD) {
      // The reader fills the batch anew when it gets it back.
      this.#held.push(copyOf(batch));
      return [];
    }
    this.explicit = saysWhen;
    return [...this.release(), batch];
  }

  /** What is still held back; no more comes, or none is waited for. */
  release(): readonly Batch[] {
    const held = this.#held;
    this.#held = [];
    if (held.length > 0) this.explicit ??= false;
    return held;
  }
}

function copyOf(batch: Batch): Batch {
  const copy = new Batch();
  for (let i = 0; i < batch.length; i++) copyEvent(batch, i, copy, i);
  copy.length = batch.length;
  return copy;
}

function hasExec(batch: Batch): boolean {
  for (const event of batch.objects.values()) if (event.op === 'exec' || event.op === 'cleanup') return true;
  return false;
}

function hasAsyncBind(batch: Batch): boolean {
  for (const event of batch.objects.values()) if (event.op === 'bind' && event.mode === 'async') return true;
  return false;
}
