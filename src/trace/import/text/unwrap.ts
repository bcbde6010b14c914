/** Quote marks that mail programs put before each line of a mail that is answered. */
const QUOTE = /^(?:[ \t]?>)+ ?/;
/** What a line of a recording begins with, in each of the forms that mails quote. */
const STARTS: readonly RegExp[] = [
  // ftrace, trace-cmd, perf: a command and its process, then a CPU or a time.
  /^\s*\S.{0,200}?-\d+\s+(?:\(\s*[\d-]+\)\s+)?\[\d+\]/,
  /^\s*\S.{0,200}?-\d+\s+\d+[.#a-zA-Z][.#\w]{3,7}\s+\d+/,
  /^\s*\S.{0,200}?\s\d+\s+\[\d+\]\s+\d+\.\d+:/,
  // The kernel's log, with or without what syslog puts before it.
  /^(?:.{0,200}?kernel: )?(?:<\d+>)?\[\s*\d+\.\d+\]/,
  /^\S{3} [ \d]\d \d\d:\d\d:\d\d \S/,
  /^#/,
  /^CPU:\d+ \[/,
  // QEMU, event lines without columns.
  /^(?:\d+@[\d.]+:|\d{4}-\d\d-\d\dT\S+ \S+: )?(?:vfio_|iommufd_|virtio_iommu_|smmu)/,
  /^\s*(?:un)?map(?:_sg)?: /,
  /^\{/,
];

/** Joins the lines that a mail program has wrapped. Its lines have numbers: of the first of those that were joined. */
export class Unwrapper {
  readonly #emit: (line: string, number: number) => void;
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
    if (this.#pending !== null && !this.#starts(text)) {
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

/** A line without quote marks. */
export function unquoted(line: string): string {
  return line.replace(QUOTE, '');
}

/** Whether a line without quote marks is the beginning of a line of a recording. */
export function startsLine(text: string): boolean {
  const head = text.slice(0, 400);
  return STARTS.some((form) => form.test(head));
}
