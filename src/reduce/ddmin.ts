/** What a reduction may still spend. */
export interface Trials {
  /** False once the trials allowed are used up, or the person has had enough. */
  readonly goOn: boolean;
}

/**
 * The smallest part of `units` that `shows` still holds for, by delta debugging: ever smaller stretches are left out, the
 * last first, since what comes later depends on what came before. When the trials last, no single unit of the result can
 * be left out. `shows` is taken to hold for all of them. With `once` the units are gone through but once at their own size.
 */
export async function ddmin<Unit>(
  units: readonly Unit[],
  shows: (units: readonly Unit[]) => Promise<boolean>,
  trials: Trials,
  once = false,
): Promise<readonly Unit[]> {
  let kept = units;
  let size = Math.ceil(kept.length / 2);
  while (size > 0 && trials.goOn) {
    let removed = false;
    for (let end = kept.length; end > 0 && trials.goOn; end -= size) {
      const start = Math.max(0, end - size);
      const without = [...kept.slice(0, start), ...kept.slice(end)];
      // Nothing at all is what smaller steps may still come to.
      if ((without.length === 0 && size > 1) || !(await shows(without))) continue;
      kept = without;
      removed = true;
    }
    // What has gone may have been what the rest was needed for.
    if (size === 1 && (once || !removed)) break;
    size = Math.ceil(Math.min(size, kept.length) / 2);
  }
  return kept;
}
