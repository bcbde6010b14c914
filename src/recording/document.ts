import type { Json } from '../base/stable-json.ts';
import { capacityOf } from './capacity.ts';
import { allCommands } from './commands.ts';
import type { Recipe } from './recipe.ts';
import { releaseText } from './release.ts';
import { bootArguments } from './text/boot.ts';

/** A recipe for programs; `requests` is what the ring buffer of one CPU holds. */
export function recipeDocument(recipe: Recipe): Json {
  const { mapBytes, unmapBytes, requests } = capacityOf(recipe);
  return {
    schema: 'pgtrace.recipe/1',
    kernel: releaseText(recipe.release),
    target: recipe.target.name,
    probes: recipe.probes.map((probe) => ({
      name: probe.name,
      kind: probe.kind,
      function: probe.function,
      fields: probe.fields.map(({ name, fetch, type }) => ({ name, fetch, type })),
    })),
    bootArguments: bootArguments(recipe),
    buffer: { bytesPerCpu: recipe.bufferBytes, bytesPerMap: mapBytes, bytesPerUnmap: unmapBytes, requests },
    commands: allCommands(recipe),
  };
}
