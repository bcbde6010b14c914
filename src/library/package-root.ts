import { existsSync } from 'node:fs';

/** Folder of package.json, above which neither sources nor what the build makes of them lie. */
export const PACKAGE_ROOT: URL = findRoot(new URL('.', import.meta.url));

function findRoot(folder: URL): URL {
  const above = new URL('../', folder);
  return existsSync(new URL('package.json', folder)) || above.href === folder.href ? folder : findRoot(above);
}
