/** A part of a document's section: a heading and what stands below it, both HTML. */
export interface Part {
  /** Distinguishes the part within its document; a word. */
  readonly name: string;
  readonly title: string;
  readonly content: string;
}

/** The element id of a part, by the number of the document, from 1. */
export function partId(document: number, name: string): string {
  return `trace-${document}-${name}`;
}

/** A link that moves the timeline of a document to an event; plain text where there is no timeline. */
export function eventLink(document: number, event: number, label: string, run: string | null, linked: boolean): string {
  if (!linked) return label;
  const whose = run === null ? '' : ` data-run="${run}"`;
  const target = partId(document, 'timeline');
  return `<a href="#${target}" data-document="${document}" data-event="${event}"${whose}>${label}</a>`;
}
