import { ALLOCATORS } from '../allocator/registry.ts';
import { usageError } from '../base/errors.ts';
import { chooseModel, type ModelChoice, type ModelKind } from '../base/model.ts';
import { FLUSH_POLICIES } from '../flush/registry.ts';

/** An allocator as `NAME,k=v`; see `pgtrace allocators`. Throws PgtraceError for one that is not known. */
export function allocatorOf(text: string): ModelChoice {
  return known('allocator', text, ALLOCATORS);
}

/** A flush policy as `NAME,k=v`. Throws PgtraceError for one that is not known. */
export function flushOf(text: string): ModelChoice {
  return known('flush', text, FLUSH_POLICIES);
}

function known(what: string, text: string, kinds: readonly ModelKind[]): ModelChoice {
  const choice = chooseModel(text, kinds);
  if (typeof choice === 'string') throw usageError(`${what} ${choice}`);
  return choice;
}
