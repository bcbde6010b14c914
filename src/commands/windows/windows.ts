import { EXIT_OK, environmentError, inputError } from '../../base/errors.ts';
import { type Json, stableJson } from '../../base/stable-json.ts';
import { toolVersion } from '../../library/version.ts';
import { TableMemoryExhausted } from '../../lpae/table/memory.ts';
import { type ComparisonSetup, compareModels, plainWindow } from '../../replay/windows/compare-models.ts';
import { GuestRequests } from '../../replay/windows/guest-requests.ts';
import { type ModelsDocument, modelsText, WINDOWS_SCHEMA } from '../../report/window/models-table.ts';
import { openTrace } from '../../trace/open.ts';
import { POWER_PAGE } from '../../window/tce/system.ts';
import { readOptions } from '../options/input-options.ts';
import { type Io, terminalWidth, wantsColor } from '../process/io.ts';
import { Progress } from '../process/progress.ts';
import { interruptedExit, listenForInterrupt } from '../process/signals.ts';
import { cpuPage, memlock, modelNames, ramRanges, type WindowsCommandOptions } from './windows-options.ts';

/** `pgtrace windows`: the same maps under several ways of pinning and accounting memory. Returns the exit code. */
export async function windowsCommand(path: string, options: WindowsCommandOptions, io: Io): Promise<number> {
  const names = modelNames(options.models);
  const page = cpuPage(options.cpuPage);
  const limit = memlock(options.memlock);
  const given = ramRanges(options.ram, page ?? POWER_PAGE);
  const reader = await openTrace(path, io.stdin, readOptions(options));
  const requests = new GuestRequests();
  const progress = new Progress(io.stderr, reader, options.quiet === true);
  const interrupt = listenForInterrupt(io, () => {
    if (path === '-') io.stdin.destroy();
  });
  const outcome = await reader
    .read(
      (batch) => {
        requests.take(batch, reader.domains);
        return true;
      },
      async () => {
        progress.update(requests.length);
        await new Promise(setImmediate);
        return !interrupt.asked;
      },
    )
    .finally(() => {
      progress.done();
      interrupt.stop();
    });
  if (interrupt.asked) return interruptedExit(requests.length, io);
  if (outcome.error !== null) throw outcome.error;
  const place = { file: reader.name, line: 1, column: 1 };
  if (requests.maps === 0) throw inputError('no map or window_map event in this trace', place);
  const process = { cpuPage: page ?? requests.cpuPage ?? POWER_PAGE, rlimit: limit ?? requests.rlimit };
  const memory = requests.spaces.size === 0 ? [] : (given ?? requests.memory(process.cpuPage));
  const setup: ComparisonSetup = { process, memory, nesting: options.nesting ?? 'software' };
  const models = withinMemory(() => compareModels(names, requests, setup));
  if (typeof models === 'string') throw inputError(models, place);
  const document: ModelsDocument = {
    schema: WINDOWS_SCHEMA,
    tool: { name: 'pgtrace', version: toolVersion() },
    trace: {
      format: outcome.format,
      maps: requests.maps,
      unmaps: requests.unmaps,
      leftOut: requests.leftOut,
      hasWindows: requests.hasContainers,
      plainDomains: requests.spaces.size,
    },
    process,
    memory: {
      ranges: memory.length,
      bytes: Math.min(
        Number.MAX_SAFE_INTEGER,
        memory.reduce((sum, { start, end }) => sum + (end - start), 0),
      ),
    },
    windows: [...requests.spaces].map(([domain, plain]) => ({ domain, ...plainWindow(plain, process.cpuPage) })),
    nesting: setup.nesting,
    models,
  };
  if (options.json === true) io.stdout.write(`${stableJson(document as unknown as Json)}\n`);
  else {
    const color = wantsColor(options.color, io.stdout, io.env);
    io.stdout.write(modelsText(document, { name: reader.name, color, width: terminalWidth(io.stdout) }));
  }
  return EXIT_OK;
}

/** Page tables of models that have some may outgrow memory, which is no fault of the trace. */
function withinMemory<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof TableMemoryExhausted)) throw error;
    throw environmentError(`${error.message}; raise the memory limit, or leave type1 and nested out of --models`);
  }
}
