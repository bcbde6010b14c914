import type { StatsReporter } from '../reporter.ts';
import { renderText } from '../text.ts';

/** The summary that `replay` prints, of each trace. */
export const textReporter: StatsReporter = {
  help: 'tables for the terminal',
  render: (documents, { color, width, reservations }) =>
    documents.map(({ name, document }) => renderText(document, { name, color, width, reservations })).join('\n'),
};
