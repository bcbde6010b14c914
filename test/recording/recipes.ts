import { DEFAULT_BUFFER, makeRecipe, type Recipe } from '../../src/recording/recipe.ts';
import { isBefore, parseRelease, type Release } from '../../src/recording/release.ts';
import { TARGETS, type TargetName } from '../../src/recording/targets.ts';

export const KERNELS = ['5.15', '6.1', '6.6', '6.7', '6.8', '6.12', '7.0', '7.1', '7.2', '8.0'] as const;

export function release(text: string): Release {
  const found = parseRelease(text);
  if (found === null) throw new Error(`no release: ${text}`);
  return found;
}

export function recipeOf(name: TargetName, kernel: string, bufferBytes = DEFAULT_BUFFER): Recipe {
  const target = TARGETS.find((candidate) => candidate.name === name);
  if (target === undefined) throw new Error(`no target: ${name}`);
  return makeRecipe(target, release(kernel), bufferBytes);
}

/** Every target on every kernel that has it: `smmu 6.12`, recipe. */
export const RECIPES: readonly (readonly [string, Recipe])[] = TARGETS.flatMap((target) =>
  KERNELS.filter((kernel) => !isBefore(release(kernel), target.since)).map(
    (kernel) => [`${target.name} ${kernel}`, recipeOf(target.name, kernel)] as const,
  ),
);
