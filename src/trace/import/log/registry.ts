import { BareEventReader } from './bare-event.ts';
import { KernelLogReader } from './kernel-log.ts';
import { KeyValueReader } from './key-value.ts';
import type { LineReader } from './line-reader.ts';
import { PerfTraceReader } from './perf-trace.ts';
import { QemuLogReader } from './qemu-log.ts';

/**
 * Readers of the lines that are no event lines of ftrace or perf, the more particular first.
 * @param fieldMap - names of the fields of `key=value` lines, ours to theirs
 */
export function lineReaders(fieldMap: Readonly<Record<string, string>>): LineReader[] {
  return [
    new KernelLogReader(),
    new PerfTraceReader(),
    new QemuLogReader(),
    new BareEventReader(),
    new KeyValueReader(fieldMap),
  ];
}
