import { createRequire } from 'node:module';
import type { ParseError } from 'jsonc-parser';
import type { LineError } from './decode.ts';

/** A message with the column it is about, from 1. */
export interface Located {
  readonly message: string;
  readonly column: number;
}

/** Finds the column that a line's error is about. Only on the way to an error message; loads a tolerant parser. */
export function locate(text: string, error: LineError): Located {
  const jsonc = createRequire(import.meta.url)('jsonc-parser') as typeof import('jsonc-parser');
  if (error.offset === -1) {
    const errors: ParseError[] = [];
    jsonc.parseTree(text, errors, { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false });
    const first = errors[0];
    const offset = first === undefined ? 0 : Math.min(first.offset, text.length);
    const found = offset >= text.length ? 'the line ends' : `found ${JSON.stringify(text[offset])}`;
    const hint = first === undefined ? '' : ` (${jsonc.printParseErrorCode(first.error)})`;
    const nul = text[offset] === '\0' ? 'a NUL byte: is this a text file?' : `${found}${hint}; one JSON object a line is expected`;
    return { message: `not valid JSON: ${nul}`, column: offset + 1 };
  }
  if (error.key !== null) {
    const tree = jsonc.parseTree(text);
    const node = tree?.children
      ?.filter((property) => property.children?.[0]?.value === error.key)
      .at(-1)?.children?.[1];
    if (node !== undefined) return { message: error.message, column: node.offset + 1 };
  }
  return { message: error.message, column: (error.offset ?? 0) + 1 };
}
