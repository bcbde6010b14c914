import { rangesView } from './ranges.ts';
import { rawView } from './raw.ts';
import { treeView } from './tree.ts';
import type { DumpView, ViewName } from './view.ts';
import { walkView } from './walk.ts';

/** Every view of page tables by its name on the command line. */
export const DUMP_VIEWS: Readonly<Record<ViewName, DumpView>> = {
  tree: treeView,
  ranges: rangesView,
  walk: walkView,
  raw: rawView,
};
