const OPEN = '<script class="trace-data"';
const OPEN_OLD = 'var linuxPerfData = "';
const CLOSE = '</script>';

/** Finds the event lines within a page that systrace or the trace viewer has written: they stand in script blocks. */
export class SystracePage {
  #inside = false;

  /** What of a line of the page is a line of the recording, null when nothing is. */
  take(line: string): string | null {
    let text = line;
    if (!this.#inside) {
      const open = text.indexOf(OPEN);
      const old = open < 0 ? text.indexOf(OPEN_OLD) : -1;
      if (open < 0 && old < 0) return null;
      this.#inside = true;
      text = open < 0 ? text.slice(old + OPEN_OLD.length) : text.slice(text.indexOf('>', open) + 1);
    }
    const close = text.indexOf(CLOSE);
    if (close >= 0) {
      this.#inside = false;
      text = text.slice(0, close);
    }
    // Pages of 2012 hold the recording as one string of JavaScript, whose lines end in an escape and a continuation.
    if (text.endsWith('\\n\\')) text = text.slice(0, -3);
    return text.trim() === '' ? null : text;
  }
}

/** Whether an input begins like a web page. */
export function isPage(head: string): boolean {
  return /^\s*<(?:!doctype\s+html|html|\?xml)/i.test(head.slice(0, 1024));
}
