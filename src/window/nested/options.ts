/** Who follows a child's maps through its parent: the kernel when they are made, or the hardware at every walk. */
export const NESTINGS = ['software', 'hardware'] as const;
export type Nesting = (typeof NESTINGS)[number];

/** An unmap of what children refer to is refused, or takes it from them first. */
export const PARENT_UNMAPS = ['busy', 'revoke'] as const;
export type ParentUnmap = (typeof PARENT_UNMAPS)[number];

/**
 * Whose tables they are: the kernel's; the guest's own, which hardware alone reads (`user`); or none: addresses of the
 * process that lead to themselves where they are registered (`passthrough`).
 */
export const NEST_KINDS = ['kernel', 'user', 'passthrough'] as const;
export type NestKind = (typeof NEST_KINDS)[number];

/** Switches of nested address spaces. */
export interface NestOptions {
  /** Who follows maps of nested address spaces: `software`, when they are made; `hardware`, at every walk. */
  readonly nesting: Nesting;
  /** An unmap of what children refer to: `busy` refuses it, `revoke` takes it from them first. */
  readonly parentUnmap: ParentUnmap;
}

export const DEFAULT_NEST_OPTIONS: NestOptions = { nesting: 'software', parentUnmap: 'busy' };
