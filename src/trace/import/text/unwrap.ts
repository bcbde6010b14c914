import { EventLineReader } from './event-line.ts';

/** Quote marks that mail programs put before each line of a mail that is answered. */
const QUOTE = /^(?:[ \t]?>)+ ?/;
/** What a line of a recording begins with, in each of the forms that mails quote. */
const STARTS: readonly RegExp[] = [
  // ftrace, trace-cmd, perf: a command and its process, then a CPU or a time.
  /^\s*\S.{0,200}?-\d+\s+(?:\(\s*[\d-]+\)\s+)?\[\d+\]/,
  /^\s*\S.{0,200}?-\d+\s+\d+(?:[.#a-zA-Z][.#\w]{3,7}|-0x[0-9a-f]{1,4})\s+\d+/,
  /^(?:\s{0,64}|.{1,200}?\s)(?:-?\d{1,10}\/)?-?\d{1,10}\s{1,16}(?:\[-?\d{1,5}\]\s{1,16})?(?:[A-Zh]{1,4}\s{1,16})?\d{1,20}\.\d{1,9}:(?:\s|$)/,
  /^(?:\s{0,64}|.{1,200}?\s)(?:-?\d{1,10}\/)?-?\d{1,10}\s{1,16}\[-?\d{1,5}\]\s{1,64}[\w-]{1,64}:[\w-]{1,64}:/,
  /^.{1,200}?\s\d{1,10}\s{1,16}\d{1,5}\s{1,16}[0-9a-f]{1,4} [0-9a-f]{8} [0-9a-f]{8} \[/,
  // perf trace.
  /^\s{0,64}\d{1,20}\.\d{1,9} (?:\([^)]{0,30}\): )?\S.{0,60}?\/-?\d{1,10} iommu:/,
  // The kernel's log, with or without what syslog puts before it, in each of the ways to print its time.
  /^(?:.{0,200}?kernel: |\w{3,8}\s*:\w{3,8}\s*: )?(?:<\d+>)?\[\s*\d+\.\d+\]/,
  /^(?:<\d+>)?\[(?:\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}|\w{3}[ \d]\d \d\d:\d\d|\s*[+<]\s*\d+\.\d+>?)\]/,
  /^\S{3} [ \d]\d \d\d:\d\d:\d\d \S/,
  /^(?:\w{3} )?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d/,
  /^\d{9,10}\.\d{3,6} \S+ \S/,
  // Comments, call chains, and what a person left out.
  /^#/,
  /^\t/,
  /^\s+[0-9a-f]{12,16} \S/,
  /^\s*\[?\s*(?:\.\.\.|…)\s*\]?\s*$/,
  /^CPU:\d+ \[/,
  // QEMU, event lines without columns.
  /^(?:\d+@[\d.]+:|\d{4}-\d\d-\d\dT\S+ \S+: )?(?:vfio_|iommufd_|virtio_iommu_|smmu)/,
  /^\s*(?:un)?map(?:_sg)?: /,
  /^\{/,
];
/** The columns before an event, which alone are no line. */
const ONLY_COLUMNS = /(?:\s[\d.]+|\dus[!+#*@$]?|ms\)):$/;
/** An event that a line may begin with. */
const BARE = /^\s*(?:un)?map(?:_sg)?: /;
/** What can be read of such events only when all is there. */
const WHOLE: ReadonlySet<string> = new Set(['iommu-map', 'iommu-unmap', 'call', 'return']);
const FIELD = /^\s*\w+=/;

/** Joins the lines that a mail program has wrapped. Its lines have numbers: of the first of those that were joined. */
export class Unwrapper {
  readonly #emit: (line: string, number: number) => void;
  readonly #events = new EventLineReader();
  #pending: string | null = null;
  #number = 0;
  /** Key that the first `key=value` line began with: the others begin with it, too. */
  #firstKey: string | null = null;

  constructor(emit: (line: string, number: number) => void) {
    this.#emit = emit;
  }

  push(line: string, number: number): void {
    const text = unquoted(line);
    if (text.trim() === '') {
      this.finish();
      return;
    }
    if (this.#pending !== null && this.#goesOn(this.#pending, text)) {
      // A damaged file must not grow one line for ever.
      if (this.#pending.length < LONGEST) this.#pending += ` ${text.trim()}`;
      return;
    }
    this.finish();
    this.#pending = text;
    this.#number = number;
  }

  /** Hands over the last line. */
  finish(): void {
    const line = this.#pending;
    this.#pending = null;
    if (line !== null) this.#emit(line, this.#number);
  }

  /** Whether a line is the rest of the one before it. */
  #goesOn(pending: string, text: string): boolean {
    if (ONLY_COLUMNS.test(pending) && BARE.test(text)) return true;
    return !this.#starts(text) && (FIELD.test(text) || !this.#isWhole(pending));
  }

  /** Whether a line tells all that such an event tells: at most fields can follow, no prose. */
  #isWhole(line: string): boolean {
    if (line.length > LONGEST_EVENT) return false;
    const bytes = Buffer.from(`${line}\n`, 'utf8');
    const kind = this.#events.read(bytes, 0, bytes.length - 1)?.payload?.kind;
    return kind !== undefined && WHOLE.has(kind);
  }

  #starts(text: string): boolean {
    const key = /^\s*(\w+)=/.exec(text)?.[1] ?? null;
    if (key !== null && this.#firstKey === null && this.#pending !== null) {
      this.#firstKey = /^\s*(\w+)=/.exec(this.#pending)?.[1] ?? '';
    }
    if (key !== null && key === this.#firstKey) return true;
    return startsLine(text);
  }
}

const LONGEST = 16384;
/** No request or call is printed longer. */
const LONGEST_EVENT = 2048;

/** A line without quote marks. */
export function unquoted(line: string): string {
  return line.replace(QUOTE, '');
}

/** Whether a line without quote marks is the beginning of a line of a recording. */
export function startsLine(text: string): boolean {
  const head = text.slice(0, 400);
  return STARTS.some((form) => form.test(head));
}
