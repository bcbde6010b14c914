import { usageError } from '../../base/errors.ts';
import type { NamedReporter, ReportStyle } from '../../report/reporter.ts';
import { type ColorChoice, type Io, type OutputStream, terminalWidth, wantsColor } from '../process/io.ts';
import { type ClosableOutput, FileOutput, isSameFile, StreamOutput } from '../process/output.ts';
import { pageAssets } from './page-assets.ts';
import { STDOUT } from './report-options.ts';

/** A report that is to be written. */
export interface ReportRequest<Input> {
  readonly path: string;
  readonly reporter: NamedReporter<Input>;
}

/** Which lines reports show, beside where they go. */
export interface ReportChoices {
  readonly color: ColorChoice;
  readonly reservations?: boolean;
  readonly strict?: boolean;
  readonly all?: boolean;
}

/** The outputs of a command: opened before the long run, so that a bad path fails early, and whole when they appear. */
export class ReportOutputs<Input> {
  readonly #requests: readonly ReportRequest<Input>[];
  readonly #outputs: ClosableOutput[] = [];
  readonly #io: Io;
  readonly #choices: ReportChoices;

  /** Throws a usage error for a report that would replace one of `inputs`, an environment error for a path that cannot be written. */
  constructor(requests: readonly ReportRequest<Input>[], inputs: readonly string[], io: Io, choices: ReportChoices) {
    this.#requests = requests;
    this.#io = io;
    this.#choices = choices;
    for (const { path } of requests) {
      const input = inputs.find((name) => name !== STDOUT && path !== STDOUT && isSameFile(path, name));
      if (input === undefined) continue;
      throw usageError(`-o ${path} is an input itself; name another file`);
    }
    try {
      for (const { path } of requests) {
        this.#outputs.push(path === STDOUT ? new StreamOutput(io.stdout, 'drop') : new FileOutput(path));
      }
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  get isEmpty(): boolean {
    return this.#requests.length === 0;
  }

  /** Whether one of them takes standard output. */
  get takesStdout(): boolean {
    return this.#requests.some(({ path }) => path === STDOUT);
  }

  /** Renders all, and makes them appear; `inputFor` may give a form of report something of its own. */
  write(input: Input, inputFor: (form: string) => Input = () => input): void {
    try {
      this.#requests.forEach(({ reporter, path }, at) => {
        this.#outputs[at].write(reporter.render(inputFor(reporter.name), this.#style(reporter.name, path)));
      });
    } catch (error) {
      this.discard();
      throw error;
    }
    while (this.#outputs.length > 0) {
      const output = this.#outputs.shift();
      try {
        output?.close();
      } catch (error) {
        this.discard();
        throw error;
      }
    }
  }

  /** Leaves no trace of those that have not been written. */
  discard(): void {
    for (const output of this.#outputs.splice(0)) output.discard();
  }

  #style(format: string, path: string): ReportStyle {
    return styleFor(this.#io, this.#choices, path === STDOUT ? this.#io.stdout : null, format === 'html');
  }
}

/** How a report may look on a stream, or (null) in a file. */
export function styleFor(io: Io, choices: ReportChoices, stream: OutputStream | null, isPage = false): ReportStyle {
  return {
    color: stream === null ? choices.color === 'always' : wantsColor(choices.color, stream, io.env),
    width: stream === null ? null : terminalWidth(stream),
    reservations: choices.reservations === true,
    strict: choices.strict === true,
    all: choices.all === true,
    assets: isPage ? pageAssets() : null,
  };
}
