import { createHash } from 'node:crypto';
import type { StatsDocument } from '../../stats/document.ts';
import type { NamedDocument, PageAssets } from '../reporter.ts';
import { scriptJson, text } from './markup.ts';
import { packPage } from './pack.ts';
import { findings, offenders } from './sections/events.ts';
import { flushes } from './sections/flushes.ts';
import { maps } from './sections/maps.ts';
import { type Part, partId } from './sections/section.ts';
import { isOk, summary, totals } from './sections/summary.ts';
import { comparison, domains, extras, levels, notes } from './sections/tables.ts';
import { timeline } from './sections/timeline.ts';
import { waste } from './sections/waste.ts';

/**
 * The whole page: one file that loads nothing and runs nothing but the script it carries. Equal documents give equal bytes.
 * `reservations`: list the IOVA reservations, too.
 */
export function renderPage(inputs: readonly NamedDocument[], assets: PageAssets, reservations: boolean): string {
  const title = inputs.length === 1 ? `pgtrace: ${inputs[0].name}` : `pgtrace: ${inputs.length} traces`;
  const data = scriptJson(packPage(inputs.map(({ document }) => document)));
  const sections = inputs.map((input, at) => ({
    input,
    nth: at + 1,
    parts: partsOf(input.document, at + 1, reservations),
  }));
  const version = inputs.length === 0 ? '' : ` ${inputs[0].document.tool.version}`;
  return [
    '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
    `<meta http-equiv="Content-Security-Policy" content="${policy(assets)}">\n`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
    '<meta name="color-scheme" content="light dark">\n',
    `<title>${text(title)}</title>\n<style>${assets.style}</style>\n</head>\n<body>\n`,
    `<header class="top"><h1>pgtrace report</h1><div id="switches"></div></header>\n`,
    '<noscript><p class="note">Charts and maps need JavaScript; all tables are here without it.</p></noscript>\n',
    contents(sections),
    '<main>\n',
    ...sections.map(({ input, nth, parts }) => section(input, nth, parts)),
    '</main>\n',
    `<footer><p class="note">Made by pgtrace${text(version)}. Nothing here is loaded from elsewhere.</p></footer>\n`,
    `<script type="application/json" id="page-data">${data}</script>\n`,
    `<script>${assets.script}</script>\n</body>\n</html>\n`,
  ].join('');
}

/** Only the script and the style sheet that are in the page may act, and nothing may be fetched. */
function policy({ script, style }: PageAssets): string {
  const hash = (content: string): string => `'sha256-${createHash('sha256').update(content, 'utf8').digest('base64')}'`;
  return `default-src 'none'; script-src ${hash(script)}; style-src ${hash(style)}; img-src data:; base-uri 'none'; form-action 'none'`;
}

function partsOf(document: StatsDocument, nth: number, reservations: boolean): Part[] {
  return [
    ...comparison(document),
    ...totals(document),
    ...findings(document, nth),
    ...timeline(document, nth),
    ...waste(document),
    ...flushes(document),
    ...maps(document, nth),
    ...offenders(document, nth),
    ...levels(document),
    ...domains(document),
    ...extras(document, reservations),
    ...notes(document),
  ];
}

interface Section {
  readonly input: NamedDocument;
  readonly nth: number;
  readonly parts: readonly Part[];
}

/** Links to every part; of several documents, those of each behind its name. */
function contents(sections: readonly Section[]): string {
  const links = ({ nth, parts }: Section): string =>
    parts.map(({ name, title }) => `<li><a href="#${partId(nth, name)}">${title}</a></li>`).join('');
  const [only] = sections;
  const items =
    sections.length === 1
      ? links(only)
      : sections
          .map((one) => {
            const verdict = isOk(one.input.document) ? '' : ' <span class="bad">not ok</span>';
            return `<li><a href="#trace-${one.nth}">${text(one.input.name)}</a>${verdict}<ul>${links(one)}</ul></li>\n`;
          })
          .join('');
  const kind = sections.length === 1 ? 'contents' : 'contents contents-many';
  return `<nav class="${kind}" aria-label="Contents"><ul>${items}</ul></nav>\n`;
}

function section({ name, document }: NamedDocument, nth: number, parts: readonly Part[]): string {
  const body = parts.map(
    (part) =>
      `<section aria-labelledby="${partId(nth, part.name)}">\n<h3 id="${partId(nth, part.name)}">${part.title}</h3>\n${part.content}</section>\n`,
  );
  return `<article aria-labelledby="trace-${nth}">\n<h2 id="trace-${nth}">${text(name)}</h2>\n${summary(document)}${body.join('')}</article>\n`;
}
