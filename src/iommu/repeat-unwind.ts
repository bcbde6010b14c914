/**
 * How far a repeat mapping that fails is taken back: all that it had mapped, or, as the posted panthor series has it, one
 * repetition less.
 */
export const REPEAT_UNWINDS = ['intended', 'posted'] as const;
export type RepeatUnwind = (typeof REPEAT_UNWINDS)[number];
