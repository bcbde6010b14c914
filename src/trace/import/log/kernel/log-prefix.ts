import { type LineHead, NO_THREAD, type Stamp, UNSTAMPED } from '../line-reader.ts';
import { ISO_TIME, isoStamp, matchAt, stampOf } from '../log-numbers.ts';

/** What a line of a kernel log begins with. */
export interface LogPrefix extends LineHead {
  /** Nothing but a time that any program's log may begin with. */
  readonly timeOnly: boolean;
  /** Its time counts from 1970, not from when the kernel started. */
  readonly wall: boolean;
  /** Where its message begins. */
  readonly end: number;
}

/** `<6>`: dmesg -r, /proc/kmsg. */
const PRIORITY = /<\d{1,3}>/y;
/** `6,1234,7242126,-,caller=T187;`: /dev/kmsg, its time in microseconds. */
const RECORD = /\d{1,3},\d{1,20},(\d{1,16}),([^;]{0,96});/y;
/** `kern  :debug : `: dmesg -x. */
const FACILITY = /[a-z\d]{2,8} *:[a-z]{3,6} *: /y;
/** `[ 1189.113585]`, with dmesg -d `[ 1189.113585 <    0.000058>]`. */
const TIME = /\[ *(\d{1,10})\.(\d{1,9})(?: *<[ \d.]{1,24}>)?\] ?/y;
/** `[  T187]` a task, `[    C0]` a processor in an interrupt. */
const CALLER = /\[ *([TC]\d{1,10})\] ?/y;
/** `[Thu Nov 20 21:49:01 2025]`: dmesg -T, whose dates are far from exact; `[Nov20 21:49]` and `[  +0.000058]`: dmesg -e. */
const DATE = /\[[^\][]{1,30} \d{1,2}:\d\d[^\][]{0,24}\] ?/y;
const ELAPSED = /\[ *\+\d{1,10}\.\d{1,9}\] ?/y;
/** `1763671741.113585 `: journalctl -o short-unix. */
const EPOCH = /(\d{9,10})\.(\d{6}) /y;
/** `11-20 21:49:01.113     0     0 D `: Android's logcat, which puts a tag in the place of the driver's name. */
const LOGCAT = /\d\d-\d\d \d\d:\d\d:\d\d\.\d{3,9} +(?:[\w.]{1,32} +)?\d{1,10} +\d{1,10} [VDIWEF] /y;
/** `host kernel: ` of journal and syslog. */
const HOST = /\S{1,64} kernel: /y;

const KERNEL = ' kernel: ';
/** A date, a host and ` kernel: ` are not longer. */
const LONGEST_CLOCK = 160;

/**
 * The prefix that dmesg, the journal, syslog, Android's log or a serial console puts before a message; null when there is
 * none. Its parts may be missing; those that are there come in this order.
 */
export function readLogPrefix(line: string): LogPrefix | null {
  const start = line.search(/[^\s]/);
  if (start < 0) return null;
  let at = start;
  let stamp: Stamp = UNSTAMPED;
  let thread = NO_THREAD;
  const skip = (expression: RegExp): RegExpExecArray | null => {
    const match = matchAt(expression, line, at);
    if (match !== null) at = expression.lastIndex;
    return match;
  };

  if (line[at] === '<') skip(PRIORITY);
  const record = skip(RECORD);
  if (record !== null) {
    stamp = microseconds(record[1]);
    thread = /caller=([TC]\d{1,10})/.exec(record[2])?.[1] ?? thread;
  } else skip(FACILITY);
  const clock = at;
  let timeOnly = false;
  let wall = false;
  if (line[at] !== '[') {
    const iso = skip(ISO_TIME);
    const epoch = iso === null ? skip(EPOCH) : null;
    if (iso !== null) stamp = isoStamp(iso);
    else if (epoch !== null) stamp = stampOf(epoch[1], epoch[2]);
    else if (skip(LOGCAT) === null) at = behindClock(line, at);
    wall = (iso ?? epoch) !== null;
    timeOnly = skip(HOST) === null && (iso ?? epoch) !== null && clock === start;
  }
  if (line[at] === '[') {
    const time = skip(TIME);
    if (time !== null) {
      stamp = stampOf(time[1], time[2]);
      wall = false;
    } else if (skip(DATE) === null) skip(ELAPSED);
    const caller = skip(CALLER);
    if (time !== null || caller !== null) timeOnly = false;
    thread = caller?.[1] ?? thread;
    // journalctl -o short-monotonic
    skip(HOST);
  }
  const { seconds, nanos } = stamp;
  return at === start ? null : { thread, seconds, nanos, end: at, timeOnly, wall };
}

/** Behind `Nov 20 21:49:01 host kernel: ` in whatever language the date is; `at` when that is not there. */
function behindClock(line: string, at: number): number {
  const found = line.indexOf(KERNEL, at);
  if (found < 0 || found > at + LONGEST_CLOCK) return at;
  return /\d:\d\d/.test(line.slice(at, found)) ? found + KERNEL.length : at;
}

function microseconds(text: string): Stamp {
  const padded = text.padStart(7, '0');
  return stampOf(padded.slice(0, -6), padded.slice(-6));
}
