import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { transformSync } from 'rolldown/utils';
import ts from 'typescript';
import { applyHunk, type Page } from './page.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const COPIED = ['src', 'bin', 'package.json', 'tsconfig.json'];
/** Built another way, and of no use to a test on a terminal. */
const BROWSER = 'report/html/client/';
const LINKED = ['node_modules', 'traces'];

/** A copy of the sources that pages are tried on, in a folder of its own. */
export class Tree {
  readonly path = mkdtempSync(join(tmpdir(), 'pgtrace-tree-'));
  readonly #touched = new Set<string>();

  constructor() {
    for (const name of COPIED) cpSync(join(ROOT, name), join(this.path, name), { recursive: true });
    for (const name of LINKED) symlinkSync(join(ROOT, name), join(this.path, name));
  }

  /** Does what a page says. */
  follow({ files, changes }: Page): void {
    for (const { path, text } of files) {
      const file = this.#touch(path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text, { flag: 'wx' });
    }
    for (const { path, hunk } of changes) {
      const file = this.#touch(path);
      writeFileSync(file, applyHunk(readFileSync(file, 'utf8'), hunk));
    }
  }

  /** Compiles everything into dist/, as `npm run build` does, and gives what is wrong with the types of the files touched. */
  build(): string[] {
    for (const name of readdirSync(join(this.path, 'src'), { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts') || name.startsWith(BROWSER)) continue;
      const from = join(this.path, 'src', name);
      const { code, errors } = transformSync(from, readFileSync(from, 'utf8'), {
        typescript: { rewriteImportExtensions: true, onlyRemoveTypeImports: true },
      });
      if (errors.length > 0) return errors.map(({ message }) => `${name}: ${message}`);
      const to = join(this.path, 'dist', name.replace(/ts$/, 'js'));
      mkdirSync(dirname(to), { recursive: true });
      writeFileSync(to, code);
    }
    return this.#check();
  }

  /** What the linter says about the touched files; null when it is content. */
  async lint(): Promise<string | null> {
    const biome = join(ROOT, 'node_modules/@biomejs/biome/bin/biome');
    cpSync(join(ROOT, '.biome.json'), join(this.path, '.biome.json'));
    const options = ['check', '--error-on-warnings', '--vcs-enabled=false', '--max-diagnostics=20', ...this.#sources()];
    return promisify(execFile)(process.execPath, [biome, ...options], { cwd: this.path }).then(
      () => null,
      ({ stdout, stderr }: { stdout: string; stderr: string }) => `${stdout}\n${stderr}`,
    );
  }

  /** Runs the built command line in the tree; gives its standard output. Throws unless it exits with 0. */
  async run(command: string): Promise<string> {
    const [program, ...args] = command.split(' ');
    if (program !== 'pgtrace') throw new Error(`${command}: pages run pgtrace only`);
    const { stdout } = await promisify(execFile)(process.execPath, ['bin/pgtrace.js', ...args], {
      cwd: this.path,
      maxBuffer: 2 ** 26,
    });
    return stdout;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  #touch(path: string): string {
    const file = join(this.path, path);
    this.#touched.add(file);
    return file;
  }

  /** The compiler's own opinion of the touched files, and no others: those are checked elsewhere, and all would take long. */
  #check(): string[] {
    const { config } = ts.readConfigFile(join(this.path, 'tsconfig.json'), ts.sys.readFile);
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, this.path);
    const program = ts.createProgram(this.#sources(), options);
    return this.#sources()
      .map((file) => program.getSourceFile(file))
      .filter((source) => source !== undefined)
      .flatMap((source) => [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)])
      .map((found) => `${found.file?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(found.messageText, '\n')}`);
  }

  #sources(): string[] {
    return [...this.#touched].filter((file) => file.endsWith('.ts'));
  }
}
