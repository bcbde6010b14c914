/** How `unregister` treats live TCEs: `intended` refuses, `kernel` swallows the refusal and loses the region. */
export const UNREGISTER_MODES = ['intended', 'kernel'] as const;
export type UnregisterMode = (typeof UNREGISTER_MODES)[number];

/** Switches of the model of DMA windows. */
export interface WindowOptions {
  /** False: a failed creation keeps its charge, as upstream. */
  readonly fixLeaks: boolean;
  /** How an unregister treats live TCEs: `intended` refuses it, `kernel` loses the region. */
  readonly unregister: UnregisterMode;
}

export const DEFAULT_WINDOW_OPTIONS: WindowOptions = { fixLeaks: true, unregister: 'intended' };
