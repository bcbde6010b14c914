import type { StatsReporter } from '../reporter.ts';
import { renderPage } from './page.ts';

/** A web page in one file: tables, timelines and maps of address spaces; it loads nothing. */
export const HTML_REPORTER: StatsReporter = {
  help: 'a web page in one file: tables, timelines, maps of the address spaces',
  render: (documents, style) => {
    if (style.assets === null) throw new Error('a page needs its script and its style sheet');
    return renderPage(documents, style.assets, style.reservations);
  },
};
