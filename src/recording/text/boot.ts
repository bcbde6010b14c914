import { exactSize } from '../../base/sizes.ts';
import { bootDefinitions } from '../probe.ts';
import type { Recipe } from '../recipe.ts';

/** Longest command line that an arm64 kernel takes, with its final zero byte (COMMAND_LINE_SIZE). */
export const COMMAND_LINE_BYTES = 2048;

/**
 * Arguments for the kernel's command line. `kprobe_event` defines the probes and enables them; it counts once only. The
 * clock is one that all CPUs share.
 */
export function bootArguments({ probes, groups, bufferBytes }: Recipe): string[] {
  const events = groups.map((group) => `${group}:*`).join(',');
  return [
    `kprobe_event=${bootDefinitions(probes)}`,
    ...(events === '' ? [] : [`trace_event=${events}`]),
    `trace_buf_size=${exactSize(bufferBytes)}`,
    'trace_clock=mono',
  ];
}
