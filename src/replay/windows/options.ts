import { DEFAULT_NEST_OPTIONS, type NestOptions } from '../../window/nested/options.ts';
import { DEFAULT_WINDOW_OPTIONS, type WindowOptions } from '../../window/tce/options.ts';

/** How DMA windows and nested address spaces behave in a replay. */
export interface DmaOptions extends WindowOptions, NestOptions {}

export const DEFAULT_DMA_OPTIONS: DmaOptions = { ...DEFAULT_WINDOW_OPTIONS, ...DEFAULT_NEST_OPTIONS };
