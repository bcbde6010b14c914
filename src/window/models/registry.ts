import type { Nesting } from '../nested/options.ts';
import { ContainerModel } from './containers.ts';
import type { DmaModel, DmaModelName, GuestProcess } from './model.ts';
import { NestedModel } from './nested.ts';
import { Type1Model } from './type1.ts';

/** A model by its name. */
export function createModel(name: DmaModelName, process: GuestProcess, nesting: Nesting): DmaModel {
  switch (name) {
    case 'type1':
      return new Type1Model(process);
    case 'v1':
      return new ContainerModel(1, process);
    case 'v2':
      return new ContainerModel(2, process);
    case 'nested':
      return new NestedModel(process, nesting);
  }
}
