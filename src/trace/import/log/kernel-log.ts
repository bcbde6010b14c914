import { readPrintedEvent } from './bare-event.ts';
import { GpuLog } from './kernel/gpu-log.ts';
import { readIommuLog, taskOf } from './kernel/iommu-log.ts';
import { readLogPrefix } from './kernel/log-prefix.ts';
import { XeLog } from './kernel/xe-log.ts';
import {
  type LineReader,
  LONGEST_LINE,
  type LoggedEvent,
  lineHead,
  loggedEvent,
  NO_THREAD,
  NOTHING,
  type Reading,
  UNSTAMPED,
} from './line-reader.ts';
import { WallClock } from './log-numbers.ts';

/** Messages of use that people quote without the prefix of the log. */
const BARE = /^\s{0,16}(?:\[\d{1,10}\] )?(?:iommu|panthor |panfrost |xe |\[drm:|(?:un)?map: as=)/;
/** dmesg --color=always */
const COLOUR = /\u001b\[[\d;]{0,16}m/g;

/**
 * Reads kernel logs: dmesg, journal, syslog, serial consoles, Android's log. Events that the kernel parameter tp_printk sends
 * there are read, too.
 */
export class KernelLogReader implements LineReader {
  readonly format = 'kernel log';
  readonly example =
    'dmesg or journal: dynamic debug of drivers/iommu/iommu.c, panthor, panfrost, xe VM_BIND, tp_printk';
  readonly #gpu = new GpuLog();
  readonly #xe = new XeLog();
  readonly #clock = new WallClock();

  get note(): string | null {
    return this.#xe.note;
  }

  read(line: string): LoggedEvent | null {
    if (line.length > LONGEST_LINE) return null;
    const text = line.includes('\u001b') ? line.replace(COLOUR, '') : line;
    const prefix = readLogPrefix(text);
    if (prefix === null) {
      if (!BARE.test(text)) return null;
      const reading = this.#message(text, NO_THREAD);
      return reading === null ? null : loggedEvent(lineHead(taskOf(text), UNSTAMPED), reading);
    }
    const message = text.slice(prefix.end);
    const stamp = prefix.wall ? this.#clock.relative(prefix) : prefix;
    const thread = prefix.thread === NO_THREAD ? taskOf(message) : prefix.thread;
    const reading = this.#message(message, thread) ?? readPrintedEvent(message);
    if (reading === null && prefix.timeOnly) return null;
    return loggedEvent(lineHead(thread, stamp), reading ?? NOTHING, prefix.end);
  }

  #message(message: string, thread: string): Reading | null {
    return readIommuLog(message) ?? this.#gpu.read(message) ?? this.#xe.read(message, thread);
  }
}
