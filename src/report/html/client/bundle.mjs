/**
 * Makes the script and the style sheet of the web report: the browser's TypeScript and uPlot in one classic script, both
 * minified. As a command: writes `client.js` and `client.css` into the folder that is named.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const UPLOT = join(createRequire(import.meta.url).resolve('uplot'), '../..');

/** Bundles both; the same sources give the same bytes. */
export async function bundle() {
  const build = await rolldown({ input: join(HERE, 'main.ts'), platform: 'browser', logLevel: 'warn' });
  const { output } = await build.generate({ format: 'iife', minify: true, comments: false });
  await build.close();
  const notice = readFileSync(join(UPLOT, 'LICENSE'), 'utf8').trim();
  const script = `/*! uPlot\n${notice}\n*/\n${output[0].code}`;
  // What ends a script element or hides it would break the page.
  if (/<\/script|<!--/i.test(script)) throw new Error('the script holds what HTML would take for its own');
  const sheets = ['colours.css', 'page.css', 'charts.css', 'print.css'].map((name) => join(HERE, name));
  const texts = [join(UPLOT, 'dist/uPlot.min.css'), ...sheets].map((path) => tight(readFileSync(path, 'utf8')));
  return { script, style: texts.map(themed).join('\n') };
}

/** Dark colours stand once in the source; the switch asks for them, or the system unless the switch says light. Paper is white. */
function themed(css) {
  return css.replace(
    /:root\.dark(\{[^}]*\})/,
    '@media screen{:root[data-theme="dark"]$1}@media screen and (prefers-color-scheme:dark){:root:not([data-theme="light"])$1}',
  );
}

/** A style sheet without comments and needless white space; none of ours has strings with either. */
function tight(css) {
  return css
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\s+/g, ' ')
    .replace(/ ?([{};,]) ?/g, '$1')
    .replace(/: /g, ':')
    .replace(/;}/g, '}')
    .trim();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = process.argv[2];
  const { script, style } = await bundle();
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'client.js'), script);
  writeFileSync(join(folder, 'client.css'), style);
}
