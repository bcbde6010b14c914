import { readFileSync } from 'node:fs';
import { environmentError } from '../../base/errors.ts';
import { PACKAGE_ROOT } from '../../library/package-root.ts';
import type { PageAssets } from '../../report/reporter.ts';

/** Where the build puts them. */
const FOLDER = new URL('dist/report/html/', PACKAGE_ROOT);

/** Script and style sheet of the web page, as the build made them. Throws an environment error where there is no build. */
export function pageAssets(folder: URL = FOLDER): PageAssets {
  const read = (name: string): string => {
    try {
      return readFileSync(new URL(name, folder), 'utf8');
    } catch {
      throw environmentError(`${new URL(name, folder).pathname} is missing; \`npm run build\` makes it`);
    }
  };
  return { script: read('client.js'), style: read('client.css') };
}
