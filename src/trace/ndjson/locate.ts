import { createRequire } from 'node:module';
import type { Node, ParseError } from 'jsonc-parser';
import { type LineError, shorten, wrongValueText } from './decode.ts';

type Jsonc = typeof import('jsonc-parser');

/** A message with the column it is about, from 1. */
export interface Located {
  readonly message: string;
  readonly column: number;
}

/** Finds the column that a line's error is about. Only on the way to an error message; loads a tolerant parser. */
export function locate(text: string, error: LineError): Located {
  const jsonc = createRequire(import.meta.url)('jsonc-parser') as Jsonc;
  const errors: ParseError[] = [];
  let tree: Node | undefined;
  try {
    tree = jsonc.parseTree(text, errors, {
      disallowComments: true,
      allowTrailingComma: false,
      allowEmptyContent: false,
    });
  } catch (thrown) {
    // The parser recurses; a line nested thousands deep is too much for it.
    if (!(thrown instanceof RangeError)) throw thrown;
    return { message: error.message, column: 1 };
  }
  if (error.syntax) return locateSyntax(jsonc, text, errors[0]);
  const node = nodeAt(tree, error.path);
  if (node === undefined) return { message: error.message, column: 1 };
  const written = shorten(text.slice(node.offset, node.offset + node.length));
  return {
    message: error.must === null ? error.message : wrongValueText(error.path, written, error.must),
    column: node.offset + 1,
  };
}

/** The value at a path; of a repeated key the last one, as JSON.parse takes it. */
function nodeAt(tree: Node | undefined, path: LineError['path']): Node | undefined {
  let node = tree;
  for (const step of path) {
    const children: Node[] | undefined = node?.children;
    node =
      typeof step === 'number'
        ? children?.[step]
        : children?.filter((property) => property.children?.[0]?.value === step).at(-1)?.children?.[1];
  }
  return node;
}

function locateSyntax(jsonc: Jsonc, text: string, error: ParseError | undefined): Located {
  const offset = Math.min(error?.offset ?? 0, text.length);
  return { message: `not valid JSON: ${syntaxText(jsonc, text, offset, error)}`, column: offset + 1 };
}

function syntaxText(jsonc: Jsonc, text: string, offset: number, error: ParseError | undefined): string {
  const first = text[offset];
  if (first === '\0') return 'found a NUL byte; is this a text file, and was it copied completely?';
  if (first === '\ufeff') return 'found a byte order mark, which may stand at the start of the input only';
  const rest = text.slice(offset, offset + 20);
  if (first === "'") return "found ' where a value or key must be; JSON takes double quotes";
  if (text[offset - 1] === '0' && /^x[0-9a-f]/i.test(rest)) {
    return 'JSON has no hex numbers; an address is written as "0x1000", a size in decimal';
  }
  if (text.trim() === '{')
    return 'the line ends behind {; each line must hold a whole object, so print the JSON without line breaks';
  const word = /^[\w.+-]+/.exec(rest)?.[0] ?? first;
  const found = offset >= text.length ? 'the line ends' : word === '"' ? `found '"'` : `found ${JSON.stringify(word)}`;
  switch (error === undefined ? '' : jsonc.printParseErrorCode(error.error)) {
    case 'UnexpectedEndOfString':
      return 'this string has no closing "; was the line cut off?';
    case 'InvalidEscapeCharacter':
    case 'InvalidUnicode':
      return 'this string holds a \\ that starts no JSON escape; a backslash itself is written \\\\';
    case 'InvalidCharacter':
      return 'this string holds a control character; write it as \\u00XX';
    case 'CommaExpected':
      return `${found} where a comma must be`;
    case 'ColonExpected':
      return `${found} where a colon must be`;
    case 'PropertyNameExpected':
      return `${found} where the next key must be, in double quotes`;
    case 'CloseBraceExpected':
      return `${found} where a closing } must be`;
    case 'CloseBracketExpected':
      return `${found} where a closing ] must be`;
    case 'EndOfFileExpected':
      return `${found} behind the end of the object; each line must hold one`;
    case 'InvalidCommentToken':
      return 'found a comment, which JSON does not have; the key "comment" takes one';
    case 'ValueExpected':
    case 'InvalidSymbol':
      return `${found} where a value must be: "text", a number, true, false, null, {...} or [...]`;
    default:
      return `${found}; each line must hold one JSON object`;
  }
}
