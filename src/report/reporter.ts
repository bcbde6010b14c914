import type { CompareResult } from '../stats/compare/result.ts';
import type { StatsDocument } from '../stats/document.ts';
import type { Formats } from './formats.ts';

/** Where a report goes and what it may look like. */
export interface ReportStyle {
  readonly color: boolean;
  /** Columns of the terminal; null off a terminal, where nothing is left out. */
  readonly width: number | null;
  /** List the IOVA reservations. */
  readonly reservations: boolean;
  /** Broken promises of an allocator or a reservation count as failures. */
  readonly strict?: boolean;
  /** List what is equal, too. */
  readonly all: boolean;
  /** Script and style sheet of the web page. */
  readonly assets: PageAssets | null;
}

/** What a web page carries inside. */
export interface PageAssets {
  readonly script: string;
  readonly style: string;
}

/** One statistics document and what its trace is called. */
export interface NamedDocument {
  readonly name: string;
  /** It is known by its statistics only: its name is no path of a file. */
  readonly remembered?: boolean;
  readonly document: StatsDocument;
}

/** Renders results of one kind; it opens no file and decides nothing. */
export interface Reporter<Input> {
  /** What it is for. */
  readonly help: string;
  /** The whole output, ended by a line feed. */
  render(input: Input, style: ReportStyle): string;
}

/** A reporter under its name. */
export interface NamedReporter<Input> extends Reporter<Input> {
  readonly name: string;
  /** Endings of files that stand for it, without the dot. */
  readonly endings: readonly string[];
}

export type StatsReporter = Reporter<readonly NamedDocument[]>;
export type CompareReporter = Reporter<CompareResult>;

/** The reporters of all forms, in their order: each form has one, and there is none without. */
export function reportersOf<Input, Forms extends Formats>(
  formats: Forms,
  reporters: Readonly<Record<keyof Forms, Reporter<Input>>>,
): readonly NamedReporter<Input>[] {
  return Object.entries(formats).map(([name, endings]) => ({ name, endings, ...reporters[name] }));
}
