import { engineProbes } from './engine-probes.ts';
import type { Probe } from './probe.ts';
import { isBefore, NEWEST_CHECKED, type Release, releaseText } from './release.ts';
import type { Target } from './targets.ts';

/** Everything that is needed to record a target on a kernel. */
export interface Recipe {
  readonly target: Target;
  readonly release: Release;
  readonly probes: readonly Probe[];
  /** Groups of tracepoints beside the probes. */
  readonly groups: readonly string[];
  /** Ring buffer of each CPU, a multiple of 1024. */
  readonly bufferBytes: number;
  /** What to know of this kernel. */
  readonly notes: readonly string[];
}

/** Bytes of each CPU's ring buffer where nobody says otherwise. */
export const DEFAULT_BUFFER = 24 * 2 ** 20;

/** The recipe of a target; the release must not be older than the target's `since`. */
export function makeRecipe(target: Target, release: Release, bufferBytes: number): Recipe {
  return {
    target,
    release,
    probes: engineProbes(release),
    groups: target.groups(release),
    bufferBytes,
    notes: notesOf(target, release),
  };
}

function notesOf(target: Target, release: Release): string[] {
  const notes = [
    'For arm64 kernels built with CONFIG_KPROBE_EVENTS, mainline or stable; vendor kernels may have other structures. ' +
      'Their offsets are right when every ttbr= of a recording looks like the address of a page.',
  ];
  if (release.major === 7 && release.minor <= 1 && target.groups(release).includes('iommu')) {
    notes.push(
      'Linux 7.0 and 7.1, until a fix in their stable series, print no iommu:map for maps that succeed; the probes see each.',
    );
  }
  if (isBefore(NEWEST_CHECKED, release)) {
    notes.push(
      `Structures were compared up to Linux ${releaseText(NEWEST_CHECKED)}; look at the first ttbr= of a recording on this one.`,
    );
  }
  return notes;
}
