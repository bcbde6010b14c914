import { errnoName } from '../../base/vocabulary.ts';
import type * as E from '../../trace/events.ts';
import { addressNumber } from '../../window/address.ts';
import type { AddressRange } from '../../window/aperture.ts';
import type { DmaModel, DmaModelName, GuestProcess, ModelFigures } from '../../window/models/model.ts';
import { createModel } from '../../window/models/registry.ts';
import type { Nesting } from '../../window/nested/options.ts';
import { DEFAULT_GROUP, type Group, pageSizes } from '../../window/tce/group.ts';
import type { GuestRequests, PlainSpace } from './guest-requests.ts';
import { readBacking, readDirection, readGroup, readRanges } from './window-fields.ts';

const DEFAULT_CONTAINER = 'c0';
const LEAST_PAGE = 4096;
/** What an integer of JSON holds; IOVAs behind it fail. */
const LARGEST_WINDOW = 2 ** 52;

/** What the models are run with. */
export interface ComparisonSetup {
  readonly process: GuestProcess;
  /** The guest's memory, which plain maps are taken to refer to. */
  readonly memory: readonly AddressRange[];
  readonly nesting: Nesting;
}

/** What a model came to, and what failed under it. */
export interface ModelRow extends ModelFigures {
  readonly model: DmaModelName;
  /** Maps and unmaps that failed, and requests before and behind them. */
  readonly failures: number;
  readonly otherFailures: number;
  /** All of these by errno. */
  readonly errors: Readonly<Record<string, number>>;
}

/** Runs the same requests under several models. A range that is none gives a text: what is wrong. */
export function compareModels(
  names: readonly DmaModelName[],
  requests: GuestRequests,
  setup: ComparisonSetup,
): readonly ModelRow[] | string {
  const rows: ModelRow[] = [];
  for (const name of names) {
    const run = new ModelRun(name, setup);
    const wrong = run.run(requests, setup.memory);
    if (wrong !== null) return wrong;
    rows.push(run.row);
  }
  return rows;
}

/** The window that an address space of plain maps is given: its bytes and the bytes of its pages. */
export function plainWindow({ end, alignment }: PlainSpace, cpuPage: number): { size: number; page: number } {
  const pages = pageSizes([...DEFAULT_GROUP.pgsizes]).filter((page) => page <= Math.min(alignment, cpuPage));
  const size = Math.min(LARGEST_WINDOW, 2 ** Math.ceil(Math.log2(Math.max(LEAST_PAGE, end))));
  return { size, page: pages.at(-1) ?? LEAST_PAGE };
}

/** Figures as integers that JSON readers do not round. */
function exact(figures: ModelFigures): ModelFigures {
  const entries = Object.entries(figures).map(([key, value]) => [key, Math.min(value, Number.MAX_SAFE_INTEGER)]);
  return Object.fromEntries(entries) as unknown as ModelFigures;
}

/** One model at work. */
class ModelRun {
  readonly #name: DmaModelName;
  readonly #model: DmaModel;
  readonly #cpuPage: number;
  readonly #errors: Record<string, number> = {};
  #failures = 0;
  #otherFailures = 0;

  constructor(name: DmaModelName, { process, nesting }: ComparisonSetup) {
    this.#name = name;
    this.#model = createModel(name, process, nesting);
    this.#cpuPage = process.cpuPage;
  }

  get row(): ModelRow {
    return {
      model: this.#name,
      ...exact(this.#model.figures()),
      failures: this.#failures,
      otherFailures: this.#otherFailures,
      errors: this.#errors,
    };
  }

  run(requests: GuestRequests, memory: readonly AddressRange[]): string | null {
    const model = this.#model;
    for (const [space, plain] of requests.spaces) this.#prepare(space, plain, memory);
    for (let i = 0; i < requests.length; i++) {
      const request = requests.at(i);
      if (request.kind === 'map') this.#done(model.map(request.space, { ...request, fault: null }));
      else if (request.kind === 'unmap') this.#done(model.unmap(request.space, request.iova, request.size));
      else {
        const wrong = this.#event(request.event);
        if (wrong !== null) return wrong;
      }
    }
    return null;
  }

  /** Before the plain maps of an address space: its devices, a window that covers them, and the guest's memory. */
  #prepare(space: string, plain: PlainSpace, memory: readonly AddressRange[]): void {
    const { size, page } = plainWindow(plain, this.#cpuPage);
    const group: Group = { ...DEFAULT_GROUP, id: `group of ${space}`, tce32Size: size };
    this.#set(this.#model.attach(space, group));
    this.#set(this.#model.cover(space, { base: 0, size, page }));
    for (const { start, end } of memory) {
      this.#set(this.#model.register(space, { vaddr: start, size: end - start, backing: [], fault: null }));
    }
  }

  #event(event: E.WindowEvent): string | null {
    const model = this.#model;
    const space = event.container ?? DEFAULT_CONTAINER;
    switch (event.op) {
      case 'attach':
        return this.#attach(event, space);
      case 'window_create': {
        if (event.require !== undefined) return this.#cover(event, event.require, space);
        const { pageShift = 0, size = 0, levels = 1, fail = null } = event;
        this.#set(model.create(space, { pageShift, size, levels, fail }));
        return null;
      }
      case 'window_remove':
        this.#set(model.remove(space, addressNumber(event.start)));
        return null;
      case 'register': {
        const { size, fault = null } = event;
        this.#set(
          model.register(space, { vaddr: addressNumber(event.vaddr), size, backing: readBacking(event), fault }),
        );
        return null;
      }
      case 'unregister':
        if (event.phase !== 'end') this.#set(model.unregister(space, addressNumber(event.vaddr), event.size));
        return null;
      case 'window_map': {
        const { size, fault = null } = event;
        const direction = readDirection(event);
        const request = {
          iova: addressNumber(event.iova),
          vaddr: addressNumber(event.vaddr),
          size,
          direction: direction === -1 ? (0 as const) : direction,
          fault,
        };
        this.#done(model.map(space, request));
        return null;
      }
      case 'window_unmap':
        this.#done(model.unmap(space, addressNumber(event.iova), event.size));
        return null;
    }
  }

  #attach(event: E.AttachEvent, space: string): string | null {
    const { action = 'attach' } = event;
    if (action === 'detach') this.#set(this.#model.detach(space, event.group ?? 'g0'));
    else if (action === 'release') this.#model.release(space);
    else if (action === 'attach') {
      const group = readGroup(event);
      if (typeof group === 'string') return group;
      this.#set(this.#model.attach(space, group));
    }
    return null;
  }

  #cover(event: E.WindowCreateEvent, require: readonly E.RequiredRange[], space: string): string | null {
    const ranges = readRanges('require', require);
    if (typeof ranges === 'string') return ranges;
    for (const { start, end } of ranges) {
      this.#set(this.#model.cover(space, { base: start, size: end - start, page: event.pageSize ?? LEAST_PAGE }));
    }
    return null;
  }

  #done(ret: number): void {
    if (ret < 0) this.#failures++;
    this.#note(ret);
  }

  #set(ret: number): void {
    if (ret < 0) this.#otherFailures++;
    this.#note(ret);
  }

  #note(ret: number): void {
    if (ret >= 0) return;
    const name = errnoName(ret).slice(1);
    this.#errors[name] = (this.#errors[name] ?? 0) + 1;
  }
}
